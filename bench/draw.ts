import { writeFileSync } from 'node:fs'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

export interface Point {
  /** Name of the request; each has a line of the plot. */
  request: string
  x: number
  micros: number
  min: number
  max: number
}

/** Writes the processor time of all parts over a quantity, both on logarithmic scales, as SVG. */
export const drawCost = async (
  file: string,
  { title, subtitle, x, points }: { title: string; subtitle: string; x: string; points: Point[] },
): Promise<void> => {
  const xField = { field: 'x', type: 'quantitative', scale: { type: 'log' }, title: x } as const
  const color = { field: 'request', type: 'nominal', title: null } as const
  const y = { type: 'quantitative', scale: { type: 'log' }, title: 'µs of all parts for a request' } as const
  const values = [...new Set(points.map((point) => point.x))]
  const spec: TopLevelSpec = {
    title: { text: title, subtitle, anchor: 'start' },
    width: 520,
    height: 320,
    background: 'white',
    data: { values: points },
    encoding: { x: { ...xField, axis: { values, format: ',d' } }, color },
    layer: [
      { mark: { type: 'line', point: true }, encoding: { y: { ...y, field: 'micros' } } },
      { mark: { type: 'rule', opacity: 0.5 }, encoding: { y: { ...y, field: 'min' }, y2: { field: 'max' } } },
    ],
  }
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  writeFileSync(file, await view.toSVG())
}
