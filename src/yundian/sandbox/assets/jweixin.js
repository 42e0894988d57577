// A stand-in for WeChat's JS-SDK, so that the shop's pages work in any browser.
// The signature of wx.config is checked by the sandbox; paying opens its cashier over the page.
(function () {
  "use strict";
  var base = "__SANDBOX__", ready = [], failed = [], state = null, shared = {};

  function settle(next) {
    state = next;
    (next.ok ? ready : failed).splice(0).forEach(function (call) { call({ errMsg: next.errMsg }); });
  }

  function sheet(params, done) {
    var frame = document.createElement("iframe");
    frame.src = base + "/cashier/wechat/jsapi?" + new URLSearchParams(params).toString();
    frame.title = "微信支付 WeChat Pay";
    frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647;background:#0006";
    function listen(event) {
      if (event.source !== frame.contentWindow || event.origin !== new URL(base).origin) return;
      window.removeEventListener("message", listen);
      frame.remove();
      done(event.data);
    }
    window.addEventListener("message", listen);
    document.body.appendChild(frame);
  }

  function remember(name) {
    return function (data) { shared[name] = data; if (data && data.success) data.success({ errMsg: name + ":ok" }); };
  }

  var wx = {
    config: function (c) {
      var page = { appid: c.appId, nonce: c.nonceStr, timestamp: String(c.timestamp), signature: c.signature,
        url: location.href.split("#")[0] };
      var asked = document.createElement("script");
      asked.src = base + "/res/config.js?" + new URLSearchParams(page).toString();
      asked.onerror = function () { settle({ ok: false, errMsg: "config:fail" }); };
      document.head.appendChild(asked);
    },
    ready: function (call) { if (state && state.ok) call({ errMsg: state.errMsg }); else ready.push(call); },
    error: function (call) { if (state && !state.ok) call({ errMsg: state.errMsg }); else failed.push(call); },
    checkJsApi: function (o) { o.success({ errMsg: "checkJsApi:ok", checkResult: {} }); },
    chooseWXPay: function (o) {
      var params = { appId: o.appId, timeStamp: o.timestamp || o.timeStamp, nonceStr: o.nonceStr,
        "package": o["package"], signType: o.signType, paySign: o.paySign };
      sheet(params, function (result) {
        var call = result === "ok" ? o.success : result === "cancel" ? o.cancel : o.fail;
        if (call) call({ errMsg: "chooseWXPay:" + result });
        if (o.complete) o.complete({ errMsg: "chooseWXPay:" + result });
      });
    },
    sandboxConfigured: function (said) { settle({ ok: said === "config:ok", errMsg: said }); },
    shared: shared
  };
  ["updateAppMessageShareData", "updateTimelineShareData", "onMenuShareAppMessage", "onMenuShareTimeline",
    "hideMenuItems", "showMenuItems", "hideOptionMenu", "showOptionMenu", "closeWindow"
  ].forEach(function (name) { wx[name] = remember(name); });

  window.wx = window.jWeixin = wx;
  window.WeixinJSBridge = {
    invoke: function (name, params, call) {
      if (name !== "getBrandWCPayRequest") { call({ err_msg: name + ":fail" }); return; }
      sheet(params, function (result) { call({ err_msg: "get_brand_wcpay_request:" + result }); });
    },
    on: function () {}
  };
  document.dispatchEvent(new Event("WeixinJSBridgeReady"));
})();
