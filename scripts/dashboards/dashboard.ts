// The JSON of Grafana's dashboards from a short description: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/

/** Grafana's names of units. */
type Unit = 's' | 'reqps' | 'cps' | 'cpm' | 'short' | 'percentunit' | 'bytes' | 'dtdurations'

export interface Panel {
  title: string
  /** What the panel shows, and what to do if it shows something unusual. */
  description: string
  kind?: 'timeseries' | 'stat' | 'bargauge' | 'table' | 'state-timeline'
  /** PromQL, and the legend of its series. */
  queries: readonly (readonly [expr: string, legend: string])[]
  unit: Unit
  /** Yellow from the first value on, red from the second. */
  above?: readonly [number, number]
  /** Yellow below the first value, red below the second. */
  below?: readonly [number, number]
  /** Series are added up. */
  stacked?: boolean
  /** Page and heading in docs/. */
  runbook: string
  /** Why the panel may have no data while everything works. */
  emptyBecause?: string
}

export interface Dashboard {
  /** Name of the file, and the end of the dashboard's `uid`. */
  name: string
  title: string
  description: string
  panels: readonly Panel[]
}

/** A variable of the dashboard, as Grafana writes it. */
const variable = (name: string) => `\${${name}}`
const pageOfDocs = (path: string) => `${variable('docs')}${path}`
const linkTo = (title: string, path: string) => ({
  type: 'link',
  title,
  tooltip: '',
  icon: 'doc',
  url: pageOfDocs(path),
  tags: [],
  asDropdown: false,
  targetBlank: true,
  includeVars: false,
  keepTime: false,
})

/** Links to every dashboard with the tag of ours. */
const otherDashboards = {
  ...linkTo('Rekey', ''),
  type: 'dashboards',
  icon: '',
  url: '',
  tags: ['rekey'],
  targetBlank: false,
  includeVars: true,
  keepTime: true,
}

const datasource = { type: 'prometheus', uid: variable('datasource') }

const stepsOf = ({ above, below }: Panel) => {
  const [base, first, second] = below ? ['red', 'yellow', 'green'] : ['green', 'yellow', 'red']
  const [low, high] = below ? below.toReversed() : (above ?? [])
  const steps: { color: string | undefined; value: number | null }[] = [{ color: base, value: null }]
  if (low !== undefined) steps.push({ color: first, value: low })
  if (high !== undefined) steps.push({ color: second, value: high })
  return steps
}

const optionsOf = ({ kind = 'timeseries' }: Panel): object => {
  const reduceOptions = { calcs: ['lastNotNull'], fields: '', values: false }
  return {
    timeseries: {
      legend: { displayMode: 'table', placement: 'bottom', calcs: ['mean', 'max'], showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    stat: { reduceOptions, colorMode: 'background', graphMode: 'area', textMode: 'value_and_name' },
    bargauge: { reduceOptions, orientation: 'horizontal', displayMode: 'gradient' },
    table: { showHeader: true, cellHeight: 'sm' },
    'state-timeline': { showValue: 'never', mergeValues: true, legend: { showLegend: true, placement: 'bottom' } },
  }[kind]
}

/** 1 is up, 0 is down: the only states that a timeline shows. */
const upAndDown = [
  {
    type: 'value',
    options: { 0: { text: 'down', color: 'red', index: 0 }, 1: { text: 'up', color: 'green', index: 1 } },
  },
]

const hasThresholds = (panel: Panel) => panel.above !== undefined || panel.below !== undefined

const panelOf = (panel: Panel, id: number, gridPos: object) => {
  const { title, description, kind = 'timeseries', queries, unit, stacked = false, runbook } = panel
  const isGraph = kind === 'timeseries'
  return {
    id,
    type: kind,
    title,
    description,
    datasource,
    gridPos,
    links: [linkTo('What to do', runbook)],
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
      editorMode: 'code',
      ...(isGraph || kind === 'state-timeline' ? { range: true } : { instant: true }),
      ...(kind === 'table' && { format: 'table' }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        ...(unit !== 'short' && isGraph && { min: 0 }),
        color: { mode: isGraph ? 'palette-classic' : 'thresholds' },
        thresholds: { mode: 'absolute', steps: stepsOf(panel) },
        mappings: kind === 'state-timeline' ? upAndDown : [],
        custom: isGraph
          ? {
              lineWidth: 1,
              fillOpacity: stacked ? 30 : 8,
              showPoints: 'never',
              stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
              thresholdsStyle: { mode: hasThresholds(panel) ? 'dashed' : 'off' },
            }
          : {},
      },
      overrides: [],
    },
    options: optionsOf(panel),
  }
}

const [width, height, columns] = [8, 8, 3]

/** The JSON model of a dashboard, for Grafana 10 and newer. */
export const dashboardOf = ({ name, title, description, panels }: Dashboard) => ({
  uid: `rekey-${name}`,
  title: `Rekey: ${title}`,
  description,
  tags: ['rekey'],
  schemaVersion: 41,
  version: 1,
  editable: true,
  graphTooltip: 1,
  refresh: '30s',
  time: { from: 'now-3h', to: 'now' },
  timezone: 'browser',
  links: [
    otherDashboards,
    linkTo('Symptoms', 'operations.md#symptoms'),
    linkTo('These dashboards', 'dashboards.md#which-dashboard'),
  ],
  templating: {
    list: [
      { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', hide: 0, refresh: 1 },
      // Where docs/ is published, with a slash at its end.
      { name: 'docs', label: 'Docs', type: 'constant', query: 'docs/', hide: 2 },
    ],
  },
  annotations: {
    list: [
      {
        name: 'Starts',
        datasource,
        enable: true,
        iconColor: 'blue',
        expr: 'changes(process_start_time_seconds{job=~"(.*-)?(auth-gateway|password-service|notifier)"}[1m]) > 0',
        titleFormat: '{{job}} started',
      },
    ],
  },
  panels: panels.map((panel, index) => {
    const [x, y] = [(index % columns) * width, Math.floor(index / columns) * height]
    return panelOf(panel, index + 1, { x, y, w: width, h: height })
  }),
})
