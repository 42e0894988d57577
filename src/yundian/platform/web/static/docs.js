// The API page: reads the schema of this very server.
"use strict";

window.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("api");
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayOperationId: true,
    requestInterceptor: (request) => {
      request.headers["X-CSRF-Token"] = place.dataset.csrf;
      return request;
    },
    validatorUrl: null,
  });
});
