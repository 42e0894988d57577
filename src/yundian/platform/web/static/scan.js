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
  // The code of the other counter of this house leads there; said once, while the camera goes on looking.
  let foreign = null;
  const sayForeign = (text) => {
    if (text === foreign && said.textContent) return;
    foreign = text;
    said.textContent = said.dataset.foreign;
    const address = URL.canParse?.(text) ? new URL(text) : null;
    const isOurs = address?.origin === window.location.origin && address.hash.length > 1;
    if (!isOurs || !["/shop/hand-over", "/shop/appointments"].includes(address.pathname)) return;
    const way = document.createElement("a");
    way.href = address.pathname + address.hash;
    way.textContent = said.dataset.elsewhere;
    said.append(" ", way);
  };
  const take = (text) => {
    const found = shape.exec(String(text).trim());
    if (!found) {
      sayForeign(String(text).trim());
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

  // Phones that read codes themselves do it faster; for the others a reader is fetched when it is first needed.
  let reader = null;
  const fetched = () =>
    new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = box.dataset.reader;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
  const prepared = async () => {
    const known = (await window.BarcodeDetector?.getSupportedFormats().catch(() => [])) ?? [];
    if (known.includes("qr_code")) {
      const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
      return async () => (await detector.detect(video).catch(() => []))[0]?.rawValue ?? "";
    }
    if (!window.readQR) await fetched();
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    return async () => {
      const shrink = Math.min(1, 720 / Math.max(video.videoWidth, video.videoHeight, 1));
      canvas.width = Math.round(video.videoWidth * shrink);
      canvas.height = Math.round(video.videoHeight * shrink);
      if (!canvas.width || !canvas.height) return "";
      pen.drawImage(video, 0, 0, canvas.width, canvas.height);
      return window.readQR(pen.getImageData(0, 0, canvas.width, canvas.height));
    };
  };

  let stream = null;
  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    box.hidden = true;
    button.hidden = false;
  };
  const look = async () => {
    if (!stream) return;
    const text = await reader();
    if (stream && text && take(text)) stop();
    else window.setTimeout(look, 150);
  };
  const start = async () => {
    button.disabled = true;
    said.textContent = "";
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      reader ??= await prepared();
      video.srcObject = stream;
      box.hidden = false;
      button.hidden = true;
      await video.play();
      said.textContent = said.dataset.looking;
      look();
    } catch (error) {
      stop();
      said.textContent = error.name === "NotAllowedError" ? said.dataset.denied : said.dataset.none;
    } finally {
      button.disabled = false;
    }
  };
  const withCamera = () => {
    button.hidden = false;
    button.addEventListener("click", start);
    document.querySelector("[data-scan-stop]").addEventListener("click", () => {
      stop();
      said.textContent = "";
      button.focus();
    });
    // A camera that nobody looks at is turned off.
    document.addEventListener("visibilitychange", () => document.hidden && stream && stop());
    window.addEventListener("pagehide", () => stream && stop());
  };

  if (button.dataset.wechat && wx) withWeChat(JSON.parse(button.dataset.wechat));
  else if (navigator.mediaDevices) withCamera();
});
