import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { ticks, type LinearScale } from '../../lib/chartScales';

export const BOX = { left: 56, top: 12, right: 338, bottom: 304, width: 360, height: 352 } as const;

interface FrameProps {
  name: string;
  title: string;
  /** What a person who can't see the chart should know. */
  description: string;
  x: LinearScale;
  y: LinearScale;
  xLabel: string;
  yLabel: string;
  format?: (value: number) => string;
  children: ComponentChildren;
}

/** Axes, grid, title and description around a chart's marks. */
export function Frame({ name, title, description, x, y, xLabel, yLabel, format = String, children }: FrameProps) {
  const id = useId();
  return (
    <svg
      class="chart"
      data-chart={name}
      viewBox={`0 0 ${BOX.width} ${BOX.height}`}
      role="img"
      aria-labelledby={`${id}-title ${id}-desc`}
    >
      <title id={`${id}-title`}>{title}</title>
      <desc id={`${id}-desc`}>{description}</desc>
      {ticks(x.domain, 5).map((tick) => (
        <g key={tick} class="chart-tick" transform={`translate(${x(tick)} 0)`}>
          <line y1={BOX.top} y2={BOX.bottom} />
          <text y={BOX.bottom + 18} text-anchor="middle">
            {format(tick)}
          </text>
        </g>
      ))}
      {ticks(y.domain, 5).map((tick) => (
        <g key={tick} class="chart-tick" transform={`translate(0 ${y(tick)})`}>
          <line x1={BOX.left} x2={BOX.right} />
          <text x={BOX.left - 8} dy="0.35em" text-anchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
      {children}
      <text class="chart-axis" x={(BOX.left + BOX.right) / 2} y={BOX.height - 8} text-anchor="middle">
        {xLabel}
      </text>
      <text class="chart-axis" text-anchor="middle" transform={`translate(14 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)`}>
        {yLabel}
      </text>
    </svg>
  );
}
