// PromQL that several panels have.

/** Each series by second. $__rate_interval is Grafana's: at least four scrapes. */
export const perSecond = (labels: string, selector: string): string =>
  `sum by (${labels}) (rate(${selector}[$__rate_interval]))`

export const perMinute = (labels: string, selector: string): string => `60 * ${perSecond(labels, selector)}`

/** Events in the shown time. */
export const inRange = (selector: string): string => `sum(increase(${selector}[$__range]))`

/** @param metric a histogram's name, without `_bucket` @param labels by which series are kept apart, comma-separated */
export const quantile = (q: number, metric: string, labels = '', selector = ''): string => {
  const by = ['le', labels].filter(Boolean).join(', ')
  return `histogram_quantile(${q}, sum by (${by}) (rate(${metric}_bucket${selector}[$__rate_interval])))`
}

/** The jobs of Rekey: metrics of processes have the same names for every program of Node. */
export const jobs = 'job=~"(.*-)?(auth-gateway|password-service|notifier)"'
