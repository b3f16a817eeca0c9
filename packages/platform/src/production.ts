import { setTimeout as delay } from 'node:timers/promises'
import { sandboxKeyPrefix } from '@rekey/contracts'
import { brokerAccessErrors, hasBrokerCredentials } from './broker-access.ts'
import { presentationEnv, type ServiceConfig } from './config.ts'
import { parseKeys } from './keys.ts'
import { shareOf, toProxyList } from './trusted-proxies.ts'

/**
 * One requirement of production. Returns configuration errors that begin with the variable's name and never repeat a
 * value. Variables that violate the schema are absent: their errors are already reported.
 */
export type Rule<Config> = (config: Partial<Config>) => readonly string[]

/** A requirement on a server, which is queried. Returns undefined if the server does not answer. */
export type ServerRule<Config> = (config: Partial<Config>) => Promise<readonly string[] | undefined>

/** The requirements of a service. */
export interface Production<Config> {
  /** Apply in production. */
  rules: readonly Rule<Config>[]
  /** Apply in every profile: a violation makes results wrong. */
  correctness?: readonly ServerRule<Config>[]
  /** Apply in production: a violation loses data. */
  durability?: readonly ServerRule<Config>[]
}

type Profile = ServiceConfig['REKEY_PROFILE'] | undefined

/** The requirements on servers that a start enforces in this profile. */
export const serverRules = <Config>(
  { correctness = [], durability = [] }: Production<Config>,
  profile: Profile,
): readonly ServerRule<Config>[] => (profile === 'production' ? [...correctness, ...durability] : correctness)

/** An error of a rule begins with its variable. */
const withoutReported = (errors: readonly string[], reported: readonly string[]) => {
  const variableOf = (error: string) => error.split(' ', 1)[0]
  const skipped = new Set(reported.map(variableOf))
  return errors.filter((error) => !skipped.has(variableOf(error)))
}

/** Every error that the rules of production find, except those of variables with `reported` errors. Asks no server. */
export const ruleErrors = <Config>(
  { rules }: Production<Config>,
  config: Partial<Config>,
  reported: readonly string[],
): string[] =>
  withoutReported(
    rules.flatMap((rule) => rule(config)),
    reported,
  )

/** Every error that the profile's rules find, except those of variables with `reported` errors. */
export const profileErrors = async <Config>(
  production: Production<Config>,
  profile: Profile,
  config: Partial<Config>,
  reported: readonly string[],
): Promise<string[]> => {
  const found = profile === 'production' ? ruleErrors(production, config, reported) : []
  const answers = await Promise.all(serverRules(production, profile).map((rule) => rule(config)))
  return [
    ...found,
    ...withoutReported(
      answers.flatMap((errors) => errors ?? []),
      reported,
    ),
  ]
}

const retryMs = 1_000

/** Queries the servers until each has answered once. @returns the first errors; none if every server is fit */
export const serverErrors = async <Config>(
  production: Production<Config>,
  profile: Profile,
  config: Partial<Config>,
): Promise<readonly string[]> => {
  for (
    let waiting = serverRules(production, profile);
    waiting.length > 0;
    await delay(retryMs, undefined, { ref: false })
  ) {
    const answers = await Promise.all(waiting.map((rule) => rule(config)))
    const errors = answers.flatMap((answer) => answer ?? [])
    if (errors.length > 0) return errors
    waiting = waiting.filter((_, index) => answers[index] === undefined)
  }
  return []
}

/** True for this machine: 127.0.0.0/8 (RFC 1122), ::1, and localhost (RFC 6761 §6.3). */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/** True if connections to this host may do without TLS and credentials. */
export const mayBePlain = ({ REKEY_ALLOW_PLAINTEXT }: Partial<ServiceConfig>, host: string): boolean =>
  REKEY_ALLOW_PLAINTEXT === 'loopback' && isLoopback(host)

/** True if connections to this host may do without TLS: in a service mesh the sidecars encrypt them. Credentials are still required. */
export const needsNoTls = (config: Partial<ServiceConfig>, host: string): boolean =>
  config.REKEY_ALLOW_PLAINTEXT === 'mesh' || mayBePlain(config, host)

/** The URLs of a comma-separated variable. */
export const urlsOf = (text: string): URL[] => text.split(',').map((url) => new URL(url))

/** Requires TLS and credentials: NATS carries passwords (`password.verify`), and permissions depend on the user. */
export const brokerIsPrivate: Rule<ServiceConfig> = (config) => {
  const errors = [...brokerAccessErrors(config)]
  const exposed = urlsOf(config.NATS_URL ?? 'tls://unset').filter((url) => !mayBePlain(config, url.hostname))
  if (exposed.some((url) => url.protocol !== 'tls:' && !needsNoTls(config, url.hostname)))
    errors.push('NATS_URL is without TLS: production requires tls://.')
  if (exposed.length > 0 && !hasBrokerCredentials(config)) {
    errors.push('NATS_NKEY_FILE is missing: production requires it, NATS_CREDENTIALS_FILE, or NATS_USER.')
  }
  return errors
}

/** Refuses the variable that turns off Node's verification of certificates. */
export const certificatesAreChecked: Rule<ServiceConfig> = ({ NODE_TLS_REJECT_UNAUTHORIZED }) =>
  NODE_TLS_REJECT_UNAUTHORIZED === '0'
    ? [
        'NODE_TLS_REJECT_UNAUTHORIZED is 0, which accepts any certificate: name your own authority in NODE_EXTRA_CA_CERTS instead.',
      ]
    : []

/** Refuses levels that leave out errors. Security events are logged at every level (ASVS 16.3). */
export const logsErrors: Rule<ServiceConfig> = ({ LOG_LEVEL }) =>
  LOG_LEVEL === 'fatal' || LOG_LEVEL === 'silent'
    ? [`LOG_LEVEL is ${LOG_LEVEL}: production requires error or a lower level, which logs errors.`]
    : []

/** A published example number would send customers to nobody. */
export const hasOwnContact: Rule<{ REKEY_CONTACT: string }> = ({ REKEY_CONTACT }) =>
  REKEY_CONTACT === undefined || REKEY_CONTACT === presentationEnv.REKEY_CONTACT.default
    ? ['REKEY_CONTACT is missing: set the phone number that customers call.']
    : []

/** Refuses a number below its bound in production. `why` says what the variable protects. */
export const isAtLeast =
  <Name extends string>(name: Name, least: number, why: string): Rule<Record<Name, number>> =>
  (config) => {
    const value = config[name]
    return value === undefined || value >= least ? [] : [`${name} is below ${least}: ${why}.`]
  }

/** All private IPv4 networks together (RFC 1918, RFC 6598) are 0.53 % of the addresses. */
const mostOf = { ipv4: 1 / 128, ipv6: 1 / 65_536 }

/** Refuses to trust most of the Internet: a trusted proxy names the address that limits and the history see (ASVS 4.1.3). */
export const proxiesAreFew: Rule<{ REKEY_TRUSTED_PROXIES: string }> = ({ REKEY_TRUSTED_PROXIES = '' }) => {
  const shares = toProxyList(REKEY_TRUSTED_PROXIES).flatMap((network) => shareOf(network) ?? [])
  const isMost = (['ipv4', 'ipv6'] as const).some(
    (family) =>
      shares.filter((one) => one.family === family).reduce((sum, { share }) => sum + share, 0) > mostOf[family],
  )
  return isMost
    ? [
        'REKEY_TRUSTED_PROXIES trusts so many addresses that clients can choose the address that limits see: name the proxies’ own networks.',
      ]
    : []
}

/** Requires HTTPS for URLs outside this machine. */
export const usesHttps =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string | undefined>> =>
  (config) =>
    names.flatMap((name) => {
      const url = new URL(config[name] ?? 'https://unset')
      const isSafe = url.protocol === 'https:' || isLoopback(url.hostname)
      return isSafe ? [] : [`${name} is without TLS: production requires https:// outside this machine.`]
    })

/** Requires HTTPS for URLs of other parts, outside this machine and outside a service mesh. */
export const partsUseHttps =
  <Name extends string>(...names: Name[]): Rule<ServiceConfig & Record<Name, string | undefined>> =>
  (config) =>
    config.REKEY_ALLOW_PLAINTEXT === 'mesh' ? [] : usesHttps(...names)(config)

/** Traces say which requests a platform gets, and when; their headers may have a credential. */
export const tracesArePrivate: Rule<ServiceConfig> = (config) =>
  (['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const).flatMap((name) => {
    const url = new URL(config[name] ?? 'https://unset')
    const isSafe = url.protocol === 'https:' || isLoopback(url.hostname) || needsNoTls(config, url.hostname)
    return isSafe ? [] : [`${name} is without TLS: production requires https:// outside this machine.`]
  })

/** 32 random bytes have about 30 distinct values; fewer than this many occur once in 10^13. */
const minDistinctBytes = 18

const isWeak = (key: string) => new Set(Buffer.from(key, 'base64url')).size < minDistinctBytes

/** Errors of a key of 32 bytes in base64url. */
export const keyErrors = (name: string, key: string): string[] => {
  if (key.startsWith(sandboxKeyPrefix))
    return [`${name} is a key of the sandbox: make one with npm run keys -- generate.`]
  return isWeak(key) ? [`${name} is not 32 random bytes: make one with npm run keys -- generate.`] : []
}

/** Requires keys that are random, distinct, and not the sandbox's; each key of a list. */
export const keysAreSound =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string>> =>
  (config) => {
    const secretsOf = (name: Name) => parseKeys(config[name] ?? '').flatMap(({ secret }) => secret || [])
    return names.flatMap((name, index) => {
      const secrets = secretsOf(name)
      const twins = names.slice(0, index).filter((other) => secretsOf(other).some((key) => secrets.includes(key)))
      return [
        ...new Set(secrets.flatMap((secret) => keyErrors(name, secret))),
        ...twins.map((twin) => `${name} equals ${twin}: each key must have one purpose.`),
      ]
    })
  }
