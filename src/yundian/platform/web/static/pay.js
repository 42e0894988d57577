// Inside WeChat the payment sheet opens over the page; what it says is no proof, so the server is asked afterwards.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-wechat-pay]");
  const said = document.querySelector("[data-wechat-said]");
  if (!button) return;
  const after = (result) => {
    button.disabled = false;
    if (result.err_msg === "get_brand_wcpay_request:ok") {
      window.location.href = window.location.pathname + "/return";
    } else {
      said.textContent = result.err_msg.endsWith(":cancel") ? button.dataset.cancelled : button.dataset.failed;
    }
  };
  const pay = () => {
    button.disabled = true;
    said.textContent = "";
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(button.dataset.wechatPay), after);
  };
  const start = () => {
    if (window.WeixinJSBridge) pay();
    else document.addEventListener("WeixinJSBridgeReady", pay, { once: true });
  };
  button.addEventListener("click", start);
  start();
});
