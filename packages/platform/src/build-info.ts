import { version } from '@rekey/contracts'
import { gauge, type Metrics } from './metrics.ts'

/** Shows what runs: dashboards join it to tell which version answered. */
export const setBuildInfo = (metrics: Metrics, { REKEY_REVISION: revision }: { REKEY_REVISION: string }): void => {
  gauge(metrics, {
    name: 'rekey_build_info',
    help: '1, with the version of Rekey, the commit that the image was built of (REKEY_REVISION), and the version of Node',
    labels: { version: 'of Rekey', revision: 'REKEY_REVISION', node: 'version of Node' },
  }).set({ version, revision, node: process.versions.node }, 1)
}
