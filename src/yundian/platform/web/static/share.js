// Sharing a page: the phone's own share sheet where there is one, else the clipboard; inside WeChat its own menu.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const say = (text) => document.dispatchEvent(new CustomEvent("toast", { detail: { value: text } }));

  // WeChat's browser has no clipboard API on older phones.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: text, className: "sr-only" });
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copy);
      const done = await copy(field.value);
      field.select();
      say(done ? button.dataset.copied : button.dataset.failed);
    });
  }

  const buttons = [...document.querySelectorAll("[data-share]")];
  for (const button of buttons) {
    button.addEventListener("click", async () => {
      const { shareTitle: title, shareText: text, shareUrl: url, shareGuide: guide, shared } = button.dataset;
      if (window.WeixinJSBridge && guide) return say(guide);
      if (navigator.share) {
        // Whoever closes the sheet wanted nothing.
        return navigator.share({ title, text, url }).catch(() => {});
      }
      if (await copy(url)) say(shared);
    });
  }

  // With the token of the link by which the page was reached, a customer passes on a link of her own.
  const asked = buttons.find((button) => button.dataset.shareToken);
  if (asked) card(asked.dataset.shareToken).then((found) => found && use(found));

  async function card(token) {
    const headers = { "Content-Type": "application/json", ...JSON.parse(document.body.getAttribute("hx-headers")) };
    const body = JSON.stringify({ token, url: location.href.split("#")[0] });
    const answer = await fetch("/v1/share-card", { method: "POST", headers, body }).catch(() => null);
    return answer?.ok ? answer.json() : null;
  }

  function use(found) {
    for (const button of buttons) button.dataset.shareUrl = found.url;
    if (found.wechat && /MicroMessenger/.test(navigator.userAgent)) inWeChat(found);
  }

  function inWeChat(found) {
    const script = document.createElement("script");
    script.src = asked.dataset.shareSdk;
    script.onload = () => {
      const wx = window.jWeixin;
      const { app_id: appId, timestamp, nonce: nonceStr, signature } = found.wechat;
      const menu = ["updateAppMessageShareData", "updateTimelineShareData"];
      wx.config({ appId, timestamp, nonceStr, signature, jsApiList: menu });
      const { title, text: desc, url: link, picture: imgUrl } = found;
      wx.ready(() => menu.forEach((name) => wx[name]({ title, desc, link, imgUrl })));
    };
    document.head.append(script);
  }
});
