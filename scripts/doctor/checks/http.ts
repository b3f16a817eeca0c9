import { readFileSync } from 'node:fs'
import { Jwks } from '@rekey/contracts'
import type { Fetch } from '@rekey/platform/part-fetch'
import { compileCheck } from '@rekey/platform/validation'
import { isRangeAnswer } from '../../../services/password-service/src/policy/breach.ts'
import { type Check, type Finding, fail, ok, warn } from '../finding.ts'
import { placeOf } from '../secrets.ts'
import type { Subject } from '../subjects.ts'
import { certificateChecks } from './certificates.ts'
import { partFetch } from './tls.ts'

const timeoutMs = 5_000

/** @throws Error that names the host and the variable if nothing answers */
const ask = async (variable: string, url: string, options: RequestInit & { send?: Fetch } = {}): Promise<Response> => {
  const { send = fetch } = options
  try {
    return await send(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs), ...options })
  } catch (error) {
    const { name, code, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException }
    const isLate = [name, cause?.name].includes('TimeoutError')
    const reason = isLate ? 'no answer' : (cause?.code ?? cause?.message ?? code ?? name)
    throw new Error(`${placeOf(url)}: ${reason}: check ${variable}, and that it is reachable from here`)
  }
}

const bodyOf = async (answer: Response): Promise<unknown> => answer.json().catch(() => undefined)

interface KeySet {
  keys: { kid?: string; kty?: string }[]
}

const isKeySet = (body: unknown): body is KeySet => {
  const { keys } = (body ?? {}) as Partial<KeySet>
  return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key?.kty === 'string')
}
const isOwnKeySet = compileCheck(Jwks.response[200])

/** Ids of the keys in the gateway's own file; none if it is not known here. */
const ownKeyIds = (gateway: Subject<'auth-gateway'> | undefined): string[] => {
  const path = gateway?.config.REKEY_SIGNING_KEYS_FILE
  try {
    return path === undefined ? [] : (JSON.parse(readFileSync(path, 'utf8')) as KeySet).keys.map(({ kid = '' }) => kid)
  } catch {
    // The check of the gateway's configuration names it.
    return []
  }
}

/** The issuer that the server of the keys names (RFC 8414); undefined if it names none. */
const issuerAt = async (jwksUrl: string, send: Fetch) => {
  const url = new URL('/.well-known/oauth-authorization-server', jwksUrl).href
  const answer = await ask('REKEY_JWKS_URL', url, { send }).catch(() => undefined)
  const { issuer } = ((answer?.ok && (await bodyOf(answer))) || {}) as { issuer?: string }
  return issuer
}

/** The gateway's public keys, from where the password-service reads them. */
const jwksFindings = async (
  { config }: Subject<'password-service'>,
  gateway: Subject<'auth-gateway'> | undefined,
): Promise<Finding[]> => {
  const { REKEY_JWKS_URL: url = '', REKEY_PUBLIC_URL: issuer } = config
  const send = partFetch(config)
  const answer = await ask('REKEY_JWKS_URL', url, { send })
  const body = answer.ok ? await bodyOf(answer) : undefined
  if (!isOwnKeySet(body))
    return [fail(`${placeOf(url)} answers ${answer.status} without the gateway's JWK Set`, 'check REKEY_JWKS_URL')]
  const found = (body as KeySet).keys.map(({ kid }) => kid)
  const missing = ownKeyIds(gateway).filter((kid) => !found.includes(kid))
  const named = await issuerAt(url, send)
  if (named !== undefined && named !== issuer)
    return [
      fail(`the issuer there is ${named}, not REKEY_PUBLIC_URL`, 'name the gateway of this issuer in REKEY_JWKS_URL'),
    ]
  if (missing.length > 0)
    return [
      fail(
        `${placeOf(url)} has ${found.length} keys, and lacks ${missing.length} of REKEY_SIGNING_KEYS_FILE`,
        'name the own gateway in REKEY_JWKS_URL, and copy the file to every gateway',
      ),
    ]
  return [ok(`${placeOf(url)} has ${found.length === 1 ? 'the key' : `the ${found.length} keys`} of the gateway`)]
}

/** Probes need no client certificate: only another request shows whether this one is accepted. It has no token. */
const acceptsCertificate = (base: string, send: Fetch) =>
  ask('REKEY_PASSWORD_SERVICE_URL', new URL('/api/v2/my/password/changes', base).href, { send }).then(
    () => true,
    () => false,
  )

const readinessFindings = async (base: string, send: Fetch): Promise<Finding[]> => {
  const answer = await ask('REKEY_PASSWORD_SERVICE_URL', new URL('/readyz', base).href, { send })
  const { checks = {}, degraded } = ((await bodyOf(answer)) ?? {}) as { checks?: object; degraded?: object }
  const away = Object.entries(checks).flatMap(([name, state]) => (state === 'ok' ? [] : [name]))
  if (!answer.ok)
    return [
      fail(
        `the password-service at ${placeOf(base)} answers ${answer.status}${away.length > 0 ? `: ${away.join(', ')} unavailable` : ''}`,
        'read its log',
      ),
    ]
  if (!(await acceptsCertificate(base, send)))
    return [
      fail(
        `the password-service at ${placeOf(base)} answers probes, and closes the connection of another request`,
        'name a client certificate of its REKEY_TLS_CLIENT_CA in REKEY_TLS_CLIENT_CERT',
      ),
    ]
  return degraded === undefined
    ? [ok(`the password-service at ${placeOf(base)} is ready`)]
    : [warn(`the password-service is degraded: ${Object.keys(degraded).join(', ')}`, 'read its log')]
}

/** Sends no SMS: HEAD has no message. Any answer shows that the vendor is reachable. */
const smsFindings = async (url: string, token: string | undefined): Promise<Finding[]> => {
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  const { status } = await ask('REKEY_SMS_URL', url, { method: 'HEAD', headers })
  const place = placeOf(url)
  if (status === 401 || status === 403) return [warn(`${place} answers ${status}`, 'check REKEY_SMS_TOKEN')]
  if (status >= 300 && status < 400)
    return [fail(`${place} redirects`, 'name the final URL in REKEY_SMS_URL: the notifier follows no redirect')]
  if (status >= 500) return [warn(`${place} answers ${status}`, 'ask the vendor')]
  return [ok(`${place} answers; no SMS was sent`)]
}

/** The prefix of no password in particular. */
const breachFindings = async (url: string): Promise<Finding[]> => {
  const range = new URL(url)
  range.pathname = `${range.pathname.replace(/\/$/, '')}/00000`
  const answer = await ask('REKEY_BREACH_URL', range.href, {
    headers: { 'add-padding': 'true', 'user-agent': 'rekey' },
  })
  if (answer.status === 200 && isRangeAnswer(await answer.text())) return [ok(`${placeOf(url)} answers`)]
  return [
    warn(
      `${placeOf(url)} answers ${answer.status} without a range of hashes`,
      'check REKEY_BREACH_URL: leaked passwords are accepted',
    ),
  ]
}

const providerFindings = async (url: string): Promise<Finding[]> => {
  const answer = await ask('REKEY_IDP_JWKS_URL', url)
  const body = answer.ok ? await bodyOf(answer) : undefined
  return isKeySet(body)
    ? [ok(`${placeOf(url)} has keys: ${body.keys.length}`)]
    : [fail(`${placeOf(url)} answers ${answer.status} without a JWK Set`, 'check REKEY_IDP_JWKS_URL')]
}

const urlVariables = [
  'REKEY_PASSWORD_SERVICE_URL',
  'REKEY_JWKS_URL',
  'REKEY_IDP_JWKS_URL',
  'REKEY_BREACH_URL',
  'REKEY_SMS_URL',
] as const

/** Whose certificate REKEY_TLS_CA is for. */
const toOtherService = new Set<string>(['REKEY_PASSWORD_SERVICE_URL', 'REKEY_JWKS_URL'])

/** The HTTP servers that a service calls. */
export const httpChecks = (subject: Subject, gateway: Subject<'auth-gateway'> | undefined): Check[] => {
  const { service } = subject
  const config = subject.config as Partial<
    Record<(typeof urlVariables)[number] | 'REKEY_SMS_TOKEN' | 'REKEY_TLS_CA', string>
  >
  const endpoints = urlVariables.flatMap((name) => {
    const url = config[name]
    const caFile = toOtherService.has(name) ? config.REKEY_TLS_CA : undefined
    return url?.startsWith('https:') ? [{ url, protocol: 'direct' as const, defaultPort: 443, caFile }] : []
  })
  const to = (
    variable: (typeof urlVariables)[number],
    name: string,
    find: (url: string) => Promise<Finding[]>,
  ): Check[] => {
    const url = config[variable]
    return url === undefined ? [] : [{ name, service, run: () => find(url) }]
  }
  return [
    ...certificateChecks({ name: 'https certificates', service, endpoints }),
    ...to('REKEY_PASSWORD_SERVICE_URL', 'password-service', (url) => readinessFindings(url, partFetch(config))),
    ...to('REKEY_JWKS_URL', 'gateway keys', () => jwksFindings(subject as Subject<'password-service'>, gateway)),
    ...to('REKEY_IDP_JWKS_URL', 'identity provider', providerFindings),
    ...to('REKEY_BREACH_URL', 'leaked passwords', breachFindings),
    ...to('REKEY_SMS_URL', 'SMS vendor', (url) => smsFindings(url, config.REKEY_SMS_TOKEN)),
  ]
}
