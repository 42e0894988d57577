// WeChat's SDK for pages, from npm: bundled into static/vendor as a plain script.
import wx from "weixin-js-sdk";

window.jWeixin = wx;
