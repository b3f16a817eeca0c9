import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startServer } from '@rekey/local-servers/server'
import { nodeArguments, nodeVariables } from '@rekey/local-servers/service-node'
import { partsOf } from './data-dir.ts'
import type { Start } from './servers.ts'

export const serviceNames = ['auth-gateway', 'password-service', 'notifier', 'inbox', 'demo-provider'] as const
export type ServiceName = (typeof serviceNames)[number]

const root = join(import.meta.dirname, '../..')

const ofTheMachine = ['HOME', 'TMPDIR', 'NODE_EXTRA_CA_CERTS']

const pick = (names: string[]) =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))

// A service gets only the variables that its own configuration names: no secrets of other services.
const environment = async (name: ServiceName, decided: Record<string, string>) => {
  const { Env } = await import(`../../services/${name}/src/config.ts`)
  return { ...pick([...ofTheMachine, ...Object.keys(Env.properties)]), ...decided }
}

/** Writes the variables of a service for npm run doctor, and removes them at the end. */
const writeVariables = (name: ServiceName, env: Record<string, string | undefined>, { settings, onStop }: Start) => {
  const path = partsOf(settings.dataDir).variables(name)
  const lines = Object.entries(env).flatMap(([key, value]) => (value ? `${key}=${JSON.stringify(value)}\n` : []))
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  rmSync(path, { force: true })
  writeFileSync(path, lines.join(''), { mode: 0o600 })
  onStop(async () => rmSync(path, { force: true }))
}

/**
 * Starts one of our services and waits for its `/readyz`.
 * @throws Error with the end of its log if it ends early or is not ready in time
 */
export const startService = async (name: ServiceName, port: number, decided: Record<string, string>, start: Start) => {
  const { settings, signal, keep } = start
  const { logs, service } = partsOf(settings.dataDir)
  mkdirSync(logs, { recursive: true })
  const env = await environment(name, decided)
  writeVariables(name, { ...env, PORT: String(port) }, start)
  const part = startServer({
    name,
    dataDir: service(name),
    logPath: join(logs, `${name}.log`),
    port,
    signal,
    stopSignal: 'SIGTERM',
    url: (port) => `http://127.0.0.1:${port}`,
    launch: () => ({
      command: process.execPath,
      args: [...nodeArguments(name), join(root, 'services', name, 'src/main.ts')],
      env: { ...nodeVariables, ...env },
      channel: true,
    }),
    isReady: async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) })
      if (!response.ok) throw new Error(await response.text())
      return true
    },
  })
  return keep(part)
}
