import { capacity } from './capacity.ts'
import { type Dashboard, dashboardOf } from './dashboard.ts'
import { delivery } from './delivery.ts'
import { funnel } from './funnel.ts'
import { overview } from './overview.ts'
import { security } from './security.ts'

export const dashboards: readonly Dashboard[] = [overview, funnel, delivery, security, capacity]

/** Text of each file of deploy/grafana, by its path. */
export const dashboardFiles = (): Record<string, string> =>
  Object.fromEntries(
    dashboards.map((dashboard) => [
      `deploy/grafana/${dashboard.name}.json`,
      `${JSON.stringify(dashboardOf(dashboard), null, 2)}\n`,
    ]),
  )
