/** From values to places along an axis, in the chart's units. */
export interface LinearScale {
  (value: number): number;
  readonly domain: readonly [number, number];
}

export function linearScale(domain: readonly [number, number], range: readonly [number, number]): LinearScale {
  const span = domain[1] - domain[0] || 1;
  const scale = (value: number): number => range[0] + ((value - domain[0]) / span) * (range[1] - range[0]);
  return Object.assign(scale, { domain });
}

/** Round values within a domain, about `count` of them: 1, 2 or 5 times a power of ten apart. */
export function ticks(domain: readonly [number, number], count: number): number[] {
  const span = domain[1] - domain[0];
  if (!(span > 0)) return [domain[0]];
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  const step = factor * power;
  const first = Math.ceil(domain[0] / step - 1e-9);
  const last = Math.floor(domain[1] / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** The domain of these values with a little air; [0, 1] where there are none. */
export function extent(values: readonly number[], air = 0.04): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const margin = (high - low || Math.abs(high) || 1) * air;
  return [low - margin, high + margin];
}

/** The `points` attribute of an SVG polyline. */
export function polyline(points: readonly (readonly [number, number])[], x: LinearScale, y: LinearScale): string {
  return points.map(([a, b]) => `${round(x(a))},${round(y(b))}`).join(' ');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
