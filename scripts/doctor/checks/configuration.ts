import { brokerAccessErrors } from '@rekey/platform/broker-access'
import { configurationErrors } from '@rekey/platform/config'
import { identityProviderErrors } from '@rekey/platform/identity-provider'
import { createLogger } from '@rekey/platform/logger'
import { ruleErrors, serverRules } from '@rekey/platform/production'
import { tlsErrors } from '@rekey/platform/tls-settings'
import { loadClientRegistry } from '../../../services/auth-gateway/src/clients/client-registry.ts'
import { consoleErrors } from '../../../services/auth-gateway/src/console/settings.ts'
import { themeIsSound } from '../../../services/auth-gateway/src/layout/page-theme.ts'
import { loadSigningKeys } from '../../../services/auth-gateway/src/tokens/signing-keys.ts'
import { type Check, fromErrors } from '../finding.ts'
import type { Subject } from '../subjects.ts'

const log = createLogger({ name: 'doctor', level: 'silent' })
const profile = 'sandbox'

/** Errors of the files that the gateway reads at its start. */
const gatewayFileErrors = ({ REKEY_SIGNING_KEYS_FILE, REKEY_CLIENTS_FILE }: Subject<'auth-gateway'>['config']) => [
  ...configurationErrors(() => {
    if (REKEY_SIGNING_KEYS_FILE === undefined) return
    void loadSigningKeys({ path: REKEY_SIGNING_KEYS_FILE, profile, now: () => new Date(), log }).close()
  }),
  ...configurationErrors(() => {
    if (REKEY_CLIENTS_FILE === undefined) return
    void loadClientRegistry({ path: REKEY_CLIENTS_FILE, profile, signsWith: () => true, log }).close()
  }),
]

/** What a start refuses in every profile. In production the rules of the profile find it too. */
const errorsOfEachStart = (subject: Subject): readonly string[] => {
  const { service, config } = subject
  const shared = [...brokerAccessErrors(config), ...tlsErrors(config)]
  if (service === 'notifier') return shared
  const ofProvider = identityProviderErrors(config)
  if (service === 'password-service') return [...shared, ...ofProvider]
  const gateway = config as Subject<'auth-gateway'>['config']
  return [...shared, ...ofProvider, ...consoleErrors(gateway), ...themeIsSound(gateway), ...gatewayFileErrors(gateway)]
}

/** Variables and files, by the schema of the service's configuration and the rules of its profile. */
export const configurationChecks = (subject: Subject): Check[] => {
  const { service, errors, config, production, isProduction } = subject
  const find = () => {
    const further = isProduction ? ruleErrors(production, config, errors) : errorsOfEachStart(subject)
    const count = Object.keys(config).length
    const name = isProduction ? 'production' : 'sandbox'
    return fromErrors([...errors, ...new Set(further)], `profile ${name}, ${count} variables`)
  }
  return [{ name: 'configuration', service, run: find }]
}

/** `redisKeepsItsData`: "redis keeps its data". */
export const nameOfRule = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

/** The connection that a rule about a server needs, by the first word of the rule's name. */
const connectionOf: Record<string, string> = {
  redis: 'redis connection',
  broker: 'broker connection',
  postgres: 'database connection',
}

/**
 * Every rule about a server that a start enforces in some profile. In the sandbox a start does not enforce durability: a
 * violation is a warning there.
 */
export const serverRuleChecks = (subject: Subject): Check[] => {
  const { service, config, production, isProduction } = subject
  const enforced = new Set(serverRules(production, isProduction ? 'production' : 'sandbox'))
  return serverRules(production, 'production').map((rule) => {
    const needs = connectionOf[nameOfRule(rule.name).split(' ', 1)[0] ?? '']
    return {
      name: nameOfRule(rule.name),
      service,
      ...(needs && { needs }),
      async run() {
        const errors = await rule(config)
        if (errors === undefined) throw new Error('no answer: try again')
        return fromErrors(errors, 'meets what each start requires', enforced.has(rule) ? 'FAIL' : 'warn')
      },
    }
  })
}
