// The counter of a shop: a code arrives by WeChat's scanner, by the camera, behind the "#" of a scanned address, or by hand.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-scan-form]");
  if (!form) return;
  const field = form.elements.namedItem("code");
  const button = form.querySelector("[data-scan]");
  const box = document.querySelector("[data-scanner]");
  const video = document.querySelector("[data-scan-video]");
  const said = document.querySelector("[data-scan-said]");
  const wx = window.jWeixin ?? window.wx;

  // What was scanned is the address of this page with the code behind "#", or the code alone.
  const shape = new RegExp(`(?:#|^)(${form.dataset.scanShape || "\\d{9}"})$`);
  const take = (text) => {
    const found = shape.exec(String(text).trim());
    if (!found) {
      said.textContent = said.dataset.foreign;
      return false;
    }
    field.value = found[1];
    form.requestSubmit();
    return true;
  };

  const takeAddress = () => {
    const scanned = window.location.hash;
    if (!scanned) return false;
    window.history.replaceState(null, "", window.location.pathname);
    return take(scanned);
  };
  if (takeAddress()) return;
  window.addEventListener("hashchange", takeAddress);

  const withWeChat = (config) => {
    wx.config({
      appId: config.app_id,
      timestamp: config.timestamp,
      nonceStr: config.nonce,
      signature: config.signature,
      jsApiList: ["scanQRCode"],
    });
    wx.ready(() => (button.hidden = false));
    button.addEventListener("click", () =>
      wx.scanQRCode({ needResult: 1, scanType: ["qrCode"], success: (result) => take(result.resultStr) }),
    );
  };

  let stream = null;
  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    box.hidden = true;
  };
  const withCamera = () => {
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    const look = async () => {
      if (!stream) return;
      const [found] = await detector.detect(video).catch(() => []);
      if (found && take(found.rawValue)) stop();
      else window.setTimeout(look, 200);
    };
    button.hidden = false;
    button.addEventListener("click", async () => {
      said.textContent = "";
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      } catch {
        said.textContent = said.dataset.denied;
        return;
      }
      video.srcObject = stream;
      box.hidden = false;
      await video.play();
      look();
    });
    document.querySelector("[data-scan-stop]").addEventListener("click", stop);
  };

  if (button.dataset.wechat && wx) withWeChat(JSON.parse(button.dataset.wechat));
  else if ("BarcodeDetector" in window && navigator.mediaDevices) withCamera();
});
