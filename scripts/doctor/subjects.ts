import type { ServiceName } from '@rekey/contracts'
import { type ReadConfig, readConfig, type ServiceConfig } from '@rekey/platform/config'
import type { Production } from '@rekey/platform/production'
import type { TObject } from '@sinclair/typebox'
import { type Config as GatewayConfig, Env as GatewayEnv } from '../../services/auth-gateway/src/config.ts'
import { production as gatewayProduction } from '../../services/auth-gateway/src/production.ts'
import { type Config as NotifierConfig, Env as NotifierEnv } from '../../services/notifier/src/config.ts'
import { production as notifierProduction } from '../../services/notifier/src/production.ts'
import { type Config as PasswordConfig, Env as PasswordEnv } from '../../services/password-service/src/config.ts'
import { production as passwordProduction } from '../../services/password-service/src/production.ts'

export type Environment = Record<string, string | undefined>

/** The configuration of each service, as its own start reads and judges it. */
export const services = {
  'auth-gateway': { env: GatewayEnv, production: gatewayProduction, sign: 'REDIS_URL' },
  'password-service': { env: PasswordEnv, production: passwordProduction, sign: 'DATABASE_URL' },
  notifier: { env: NotifierEnv, production: notifierProduction, sign: 'SMTP_URL' },
} as const satisfies Record<
  ServiceName,
  { env: TObject; production: unknown /** A variable that only this service reads. */; sign: string }
>

interface Configs {
  'auth-gateway': GatewayConfig
  'password-service': PasswordConfig
  notifier: NotifierConfig
}

/** A service that is checked. Variables with an error are absent in `config`. */
export interface Subject<Name extends ServiceName = ServiceName> {
  service: Name
  environment: Environment
  config: Partial<Configs[Name]>
  /** Errors of single variables. */
  errors: readonly string[]
  production: Production<Configs[Name]>
  isProduction: boolean
}

export const subjectOf = <Name extends ServiceName>(service: Name, environment: Environment): Subject<Name> => {
  const { env, production } = services[service]
  const { config, errors } = readConfig(env as TObject, environment) as ReadConfig<TObject>
  const { REKEY_PROFILE } = config as Partial<ServiceConfig>
  return {
    service,
    environment,
    config: config as Partial<Configs[Name]>,
    errors,
    production: production as unknown as Production<Configs[Name]>,
    isProduction: REKEY_PROFILE === 'production',
  }
}
