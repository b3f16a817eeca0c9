import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type ServiceName, serviceNames } from '@rekey/contracts'
import { partsOf } from '../start/data-dir.ts'
import type { Environments } from './doctor.ts'
import { type Environment, services } from './subjects.ts'

const isService = (name: string): name is ServiceName => (serviceNames as readonly string[]).includes(name)

/** @throws Error that names the file */
const readFile = (path: string): Environment => {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Variables that only Rekey has: the environment of a shell has none of them. */
const ownVariables = ['REKEY_PROFILE', 'REKEY_SECRETS_FILE', 'NATS_URL']

/** A service is checked if its variables name a server that only it uses. */
const recognised = (environment: Environment): Environments => {
  const secrets = environment.REKEY_SECRETS_FILE
  const all = secrets && existsSync(secrets) ? { ...readFile(secrets), ...environment } : environment
  return Object.fromEntries(serviceNames.filter((name) => all[services[name].sign]).map((name) => [name, environment]))
}

/** `FILE`, for every service, or `SERVICE=FILE`. */
const fromFiles = (files: readonly string[]): Environments => {
  const named = new Map<ServiceName, Environment>()
  let shared: Environment = {}
  for (const text of files) {
    const [name = '', path] = text.split('=', 2)
    if (path === undefined) shared = { ...shared, ...readFile(text) }
    else if (isService(name)) named.set(name, { ...named.get(name), ...readFile(path) })
    else throw new Error(`${name} is no service: ${serviceNames.join(', ')}`)
  }
  const found = { ...recognised(shared), ...Object.fromEntries(named) }
  return Object.fromEntries(Object.entries(found).map(([name, variables]) => [name, { ...shared, ...variables }]))
}

/** The variables of the services that `npm start` runs now; undefined if it runs none. */
const ofSandbox = (dataDir: string): Environments | undefined => {
  const { variables } = partsOf(dataDir)
  const files = serviceNames.map((name) => [name, variables(name)] as const).filter(([, path]) => existsSync(path))
  if (files.length === 0) return undefined
  return Object.fromEntries(files.map(([name, path]) => [name, readFile(path)]))
}

interface Source {
  /** Values of `--env`. */
  files: readonly string[]
  /** Services to check; empty: all that are found. */
  only: readonly string[]
  environment: Environment
  /** Data folder of the sandbox. */
  dataDir: string
}

/**
 * Finds the variables of the services: in files, in the environment, or of the running sandbox.
 *
 * @throws Error that says what to give if there are none
 */
export const findEnvironments = ({ files, only, environment, dataDir }: Source): Environments => {
  const unknown = only.find((name) => !isService(name))
  if (unknown !== undefined) throw new Error(`${unknown} is no service: ${serviceNames.join(', ')}`)
  const isConfigured = ownVariables.some((name) => environment[name])
  const found =
    files.length > 0 ? fromFiles(files) : isConfigured ? recognised(environment) : (ofSandbox(dataDir) ?? {})
  const wanted = only.length === 0 ? found : Object.fromEntries(only.map((name) => [name, found[name as ServiceName]]))
  for (const [name, variables] of Object.entries(wanted)) {
    if (variables === undefined) throw new Error(`there are no variables of the ${name}: give --env ${name}=FILE`)
  }
  if (Object.keys(wanted).length > 0) return wanted
  throw new Error(
    files.length > 0 || isConfigured
      ? `these are the variables of no service: one needs ${serviceNames.map((name) => services[name].sign).join(', or ')}. Or name it: --env SERVICE=FILE`
      : 'no sandbox runs here: npm start begins one. For other services give --env FILE',
  )
}
