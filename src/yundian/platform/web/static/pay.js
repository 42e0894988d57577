// Inside WeChat the payment sheet opens over the page; what it says is no proof, so the server is asked afterwards.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-wechat-pay]");
  if (!button) return;
  const pay = () =>
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(button.dataset.wechatPay), () => {
      window.location.href = window.location.pathname + "/return";
    });
  const start = () =>
    window.WeixinJSBridge ? pay() : document.addEventListener("WeixinJSBridgeReady", pay, { once: true });
  button.addEventListener("click", start);
  start();
});
