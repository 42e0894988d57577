// Inside WeChat the way to a shop is shown on WeChat's own map; elsewhere its link opens a map.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const wx = window.jWeixin;
  const holder = document.querySelector("[data-way-config]");
  if (!wx || !holder) return;
  const { app_id: appId, timestamp, nonce: nonceStr, signature } = JSON.parse(holder.dataset.wayConfig);
  wx.config({ appId, timestamp, nonceStr, signature, jsApiList: ["openLocation"] });
  wx.ready(() => {
    for (const link of document.querySelectorAll("[data-way]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const { latitude, longitude, name, address } = link.dataset;
        wx.openLocation({ latitude: Number(latitude), longitude: Number(longitude), name, address, scale: 16 });
      });
    }
  });
});
