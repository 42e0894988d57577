// Draws [data-chart] with ECharts: lines over time, or bars of shops and campaigns. The table below says the same.
"use strict";

(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  const money = (data, compact) =>
    new Intl.NumberFormat(root.lang, {
      style: "currency",
      currency: data.currency,
      currencyDisplay: "narrowSymbol",
      ...(compact ? { notation: "compact", maximumFractionDigits: 1 } : {}),
    });

  const option = (data) => {
    const isTime = data.kind === "time";
    const text = { color: color("--ink-2"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
    const exact = money(data, false);
    const short = money(data, true);
    const names = {
      type: "category",
      data: data.labels,
      inverse: !isTime,
      axisLabel: { ...text, hideOverlap: true, ...(isTime ? {} : { width: 120, overflow: "truncate" }) },
      axisLine: { lineStyle: { color: color("--line-strong") } },
      axisTick: { show: false },
    };
    const amounts = {
      type: "value",
      axisLabel: { ...text, formatter: (value) => short.format(value) },
      splitLine: { lineStyle: { color: color("--line") } },
    };
    const isLine = isTime && data.labels.length > 1;
    return {
      animation: !calm.matches,
      animationDuration: 300,
      color: [color("--accent"), color("--line-strong")],
      textStyle: text,
      grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
      legend: { top: 0, right: 0, textStyle: text, itemWidth: 14, itemHeight: 10 },
      tooltip: {
        trigger: "axis",
        // The policy of our pages allows no styles in texts, which its other mode is made of.
        renderMode: "richText",
        axisPointer: { type: isLine ? "line" : "shadow" },
        backgroundColor: color("--surface"),
        borderColor: color("--line"),
        textStyle: { ...text, color: color("--ink") },
        valueFormatter: (value) => exact.format(value),
      },
      xAxis: isTime ? names : amounts,
      yAxis: isTime ? amounts : names,
      series: data.series.map((series, number) => ({
        name: series.name,
        data: series.values,
        type: isLine ? "line" : "bar",
        barMaxWidth: 28,
        barGap: "10%",
        symbol: data.labels.length > 45 ? "none" : "circle",
        symbolSize: 6,
        lineStyle: { width: number === 0 ? 2.5 : 1.5 },
        areaStyle: isLine && number === 0 ? { opacity: 0.08 } : undefined,
        itemStyle: isLine ? {} : { borderRadius: isTime ? [4, 4, 0, 0] : [0, 4, 4, 0] },
      })),
    };
  };

  const draw = (box) => {
    const data = JSON.parse(box.dataset.chart);
    if (data.kind === "bars") box.classList.toggle("chart-tall", data.labels.length > 8);
    const chart = window.echarts.init(box, null, { renderer: "canvas" });
    const show = () => chart.setOption(option(data), true);
    show();
    dark.addEventListener("change", show);
    new ResizeObserver(() => chart.resize()).observe(box);
  };

  const drawAll = (where) => where.querySelectorAll("[data-chart]:not([data-drawn])").forEach((box) => {
    box.dataset.drawn = "yes";
    draw(box);
  });
  drawAll(document);
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target));
})();
