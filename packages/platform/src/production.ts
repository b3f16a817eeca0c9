import { statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { sandboxKeyPrefix } from '@rekey/contracts'
import { brokerAccessFaults, hasBrokerCredentials } from './broker-access.ts'
import type { ServiceConfig } from './config.ts'

/**
 * One thing that production insists on: what is wrong with it, each fault beginning with the variable's name and none
 * repeating a value. What is not sound by itself has been told before, and is not there.
 */
export type Rule<Config> = (config: Partial<Config>) => readonly string[]

/** The same of a server, which is asked: undefined while it does not answer. */
export type ServerRule<Config> = (config: Partial<Config>) => Promise<readonly string[] | undefined>

/** What a service insists on. */
export interface Production<Config> {
  /** In production. */
  rules: readonly Rule<Config>[]
  /** Of servers, in every profile: what is wrong there makes results wrong. */
  correctness?: readonly ServerRule<Config>[]
  /** Of servers, in production: what is wrong there loses data. */
  durability?: readonly ServerRule<Config>[]
}

type Profile = ServiceConfig['REKEY_PROFILE'] | undefined

const serversOf = <Config>({ correctness = [], durability = [] }: Production<Config>, profile: Profile) =>
  profile === 'production' ? [...correctness, ...durability] : correctness

/** Every fault that the profile's rules find, except of variables that have faults already. */
export const profileFaults = async <Config>(
  production: Production<Config>,
  profile: Profile,
  config: Partial<Config>,
  told: readonly string[],
): Promise<string[]> => {
  const rules = profile === 'production' ? production.rules : []
  const answers = await Promise.all(serversOf(production, profile).map((rule) => rule(config)))
  const variableOf = (fault: string) => fault.split(' ', 1)[0]
  const known = new Set(told.map(variableOf))
  return [...rules.flatMap((rule) => rule(config)), ...answers.flatMap((faults) => faults ?? [])].filter(
    (fault) => !known.has(variableOf(fault)),
  )
}

const askAgainMs = 1_000

/** Asks servers until each has answered once; resolves with the first faults, if there are any. */
export const faultsOnceTheyAnswer = async <Config>(
  production: Production<Config>,
  profile: Profile,
  config: Partial<Config>,
): Promise<readonly string[]> => {
  for (
    let waiting = serversOf(production, profile);
    waiting.length > 0;
    await delay(askAgainMs, undefined, { ref: false })
  ) {
    const answers = await Promise.all(waiting.map((rule) => rule(config)))
    const faults = answers.flatMap((answer) => answer ?? [])
    if (faults.length > 0) return faults
    waiting = waiting.filter((_, index) => answers[index] === undefined)
  }
  return []
}

/** This machine: 127.0.0.0/8 (RFC 1122), ::1, and the name for both (RFC 6761 §6.3). */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/** Whether this address may go without TLS and credentials. */
export const mayBePlain = ({ REKEY_ALLOW_PLAINTEXT }: Partial<ServiceConfig>, host: string): boolean =>
  REKEY_ALLOW_PLAINTEXT === 'loopback' && isLoopback(host)

/** The URLs that one variable lists, comma-separated. */
export const urlsOf = (text: string): URL[] => text.split(',').map((url) => new URL(url))

/** NATS carries passwords (`password.verify`) and says who may publish: TLS, and a user of one's own. */
export const brokerIsPrivate: Rule<ServiceConfig> = (config) => {
  const faults = [...brokerAccessFaults(config)]
  const exposed = urlsOf(config.NATS_URL ?? 'tls://unset').filter((url) => !mayBePlain(config, url.hostname))
  if (exposed.some((url) => url.protocol !== 'tls:')) faults.push('NATS_URL is without TLS: production wants tls://.')
  if (exposed.length > 0 && !hasBrokerCredentials(config)) {
    faults.push('NATS_NKEY_FILE is missing, and so are the other ways to say who this is: production wants one.')
  }
  return faults
}

/** One variable of Node itself takes any certificate for a server's, wherever TLS is asked for. */
export const certificatesAreChecked: Rule<ServiceConfig> = ({ NODE_TLS_REJECT_UNAUTHORIZED }) =>
  NODE_TLS_REJECT_UNAUTHORIZED === '0'
    ? [
        'NODE_TLS_REJECT_UNAUTHORIZED is 0, which takes any certificate: NODE_EXTRA_CA_CERTS names an authority of your own.',
      ]
    : []

/** What travels to these addresses is secret or must not be changed on its way. */
export const usesHttps =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string | undefined>> =>
  (config) =>
    names.flatMap((name) => {
      const url = new URL(config[name] ?? 'https://unset')
      const isSafe = url.protocol === 'https:' || isLoopback(url.hostname)
      return isSafe ? [] : [`${name} is without TLS: production wants https:// for what is not on this machine.`]
    })

/** Of 32 random bytes about 30 differ; fewer than this many do once in 10^13. */
const leastDifferentBytes = 18

const isWeak = (key: string) => new Set(Buffer.from(key, 'base64url')).size < leastDifferentBytes

/** What is wrong with a key of 32 bytes in base64url, after the name of its variable. */
export const keyFaults = (name: string, key: string): string[] => {
  if (key.startsWith(sandboxKeyPrefix))
    return [`${name} is a key of the sandbox: npm run keys -- generate makes others.`]
  return isWeak(key) ? [`${name} is not 32 random bytes: npm run keys -- generate makes such.`] : []
}

/** Keys are random, none is the sandbox's, and each does one thing. */
export const keysAreSound =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string>> =>
  (config) =>
    names.flatMap((name, index) => {
      const key = config[name]
      if (key === undefined) return []
      const twin = names.slice(0, index).find((other) => config[other] === key)
      return [...keyFaults(name, key), ...(twin ? [`${name} is the same as ${twin}: each key does one thing.`] : [])]
    })

/** What accounts outside a file's owner and group may do with it: read it (4) or write it (2). */
const isOpenToOthers = (path: string): boolean => {
  // Windows has no such bits.
  if (process.platform === 'win32') return false
  try {
    return (statSync(path).mode & 0o006) !== 0
  } catch {
    // A file that cannot be read has a line of its own.
    return false
  }
}

/** Files of secrets are for the service's account, or its group as with Kubernetes' fsGroup, alone. */
export const filesArePrivate =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string | undefined>> =>
  (config) =>
    names.flatMap((name) => {
      const path = config[name]
      return path !== undefined && isOpenToOthers(path)
        ? [
            `${name} is a file that every account of this machine can read or write: chmod o-rw (Kubernetes: defaultMode 0440).`,
          ]
        : []
    })
