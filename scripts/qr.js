// Reads a QR code in a camera's picture, where the browser cannot by itself: bundled into static/vendor as a plain script.
import decode from "qr/decode.js";

window.readQR = (image) => {
  try {
    return decode(image, { timeLimit: 80 });
  } catch {
    // None in this picture.
    return "";
  }
};
