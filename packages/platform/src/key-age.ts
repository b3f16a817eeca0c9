import { statSync } from 'node:fs'
import { gauge, type Metrics } from './metrics.ts'

/**
 * Shows when keys were last replaced, by the time that their file was written: it is written at each rotation. Names
 * without a path, and files that cannot be read, have no value.
 */
export const measureKeyFiles = (metrics: Metrics, paths: Readonly<Record<string, string | undefined>>): void => {
  gauge(metrics, {
    name: 'rekey_key_age_seconds',
    help:
      'Time since the file of these keys was written, which each rotation does: signing, of REKEY_SIGNING_KEYS_FILE; ' +
      'secrets, of REKEY_SECRETS_FILE. Missing for keys that are given in the environment',
    labels: { key: Object.keys(paths) },
    collect() {
      this.reset()
      for (const [key, path] of Object.entries(paths)) {
        const written = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })?.mtimeMs
        if (written !== undefined) this.set({ key }, Math.max(0, Date.now() - written) / 1_000)
      }
    },
  })
}
