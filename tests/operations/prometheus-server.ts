import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '@rekey/local-servers/launch'
import { startServer } from '@rekey/local-servers/server'
import type { Teardown } from '@rekey/test-support/infrastructure'

interface Options {
  /** Path of the program. */
  binary: string
  dataDir: string
  /** Ports of metrics, by the name of the job. */
  ports: Record<string, number>
}

export interface Series {
  metric: Record<string, string>
  value: number
}

const deployed = join(import.meta.dirname, '../../deploy/prometheus/rules.yml')

/** Starts a Prometheus that scrapes these ports every two seconds, with the rules of deploy/. */
export const startPrometheus = async (t: Teardown, { binary, dataDir, ports }: Options) => {
  mkdirSync(dataDir, { recursive: true })
  const file = join(dataDir, 'prometheus.yml')
  cpSync(deployed, join(dataDir, 'rules.yml'))
  const scrape_configs = Object.entries(ports).map(([job_name, port]) => ({
    job_name,
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
  }))
  const global = { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '2s' }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ global, rule_files: ['rules.yml'], scrape_configs }))
  const server = await startServer({
    name: 'Prometheus',
    dataDir,
    url: (port) => `http://127.0.0.1:${port}`,
    stopSignal: 'SIGTERM',
    launch: (port) =>
      launch(
        binary,
        [
          `--config.file=${file}`,
          `--storage.tsdb.path=${join(dataDir, 'tsdb')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stopSignal: 'SIGTERM' },
      ),
    isReady: async (port) => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok,
  })
  t.teardown(() => server.stop())
  const get = async (path: string) => {
    const answer = (await (await fetch(`${server.url}${path}`)).json()) as {
      status: string
      error?: string
      data: object
    }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
    return answer.data
  }
  return {
    /** @throws Error if the query is not PromQL */
    async query(promql: string): Promise<Series[]> {
      const data = await get(`/api/v1/query?query=${encodeURIComponent(promql)}`)
      const { result } = data as { result: { metric: Record<string, string>; value: [number, string] }[] }
      return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
    },
    /** Names of the alerts that fire. */
    async firing(): Promise<string[]> {
      const { alerts } = (await get('/api/v1/alerts')) as {
        alerts: { labels: { alertname: string }; state: string }[]
      }
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname)
    },
  }
}
