import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { parseEnv } from 'node:util'
import type { ServiceName } from '@rekey/contracts'
import { checksOf } from './checks.ts'
import { examine } from './examine.ts'
import type { Line } from './finding.ts'
import { createMask } from './secrets.ts'
import { type Environment, subjectOf } from './subjects.ts'

/** The variables of each service that is checked. */
export type Environments = Partial<Record<ServiceName, Environment>>

/** Node reads NODE_EXTRA_CA_CERTS at its start: here the variable may be in a file. */
const trustExtraAuthorities = (environments: readonly Environment[]) => {
  const paths = new Set(environments.flatMap(({ NODE_EXTRA_CA_CERTS: path }) => path ?? []))
  const texts = [...paths].flatMap((path) => {
    try {
      return [readFileSync(path, 'utf8')]
    } catch {
      // Node ignores it too; the certificates that it should have signed are not trusted.
      return []
    }
  })
  if (texts.length > 0) setDefaultCACertificates([...getCACertificates('default'), ...texts])
}

/** The secrets of a service may be in a file of their own. */
const withSecretsFile = (environment: Environment): Environment => {
  const { REKEY_SECRETS_FILE: path } = environment
  try {
    return path ? { ...parseEnv(readFileSync(path, 'utf8')), ...environment } : environment
  } catch {
    // The check of the configuration names the file.
    return environment
  }
}

/**
 * Checks these services, without changing anything.
 *
 * @returns a line for each finding, without secrets
 */
export const runDoctor = async (environments: Environments): Promise<Line[]> => {
  const all = Object.entries(environments) as [ServiceName, Environment][]
  trustExtraAuthorities(all.map(([, environment]) => environment))
  const mask = createMask(all.map(([, environment]) => withSecretsFile(environment)))
  const closes: (() => unknown)[] = []
  const subjects = all.map(([service, environment]) => subjectOf(service, environment))
  try {
    const lines = await examine(checksOf(subjects, (close) => closes.push(close)))
    return lines.map((line) => ({ ...line, text: mask(line.text) }))
  } finally {
    await Promise.allSettled(closes.map(async (close) => close()))
  }
}
