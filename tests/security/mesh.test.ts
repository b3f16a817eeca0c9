import { readConfig } from '@rekey/platform/config'
import type { Production } from '@rekey/platform/production'
import t from 'tap'
import { Env as GatewayEnv } from '../../services/auth-gateway/src/config.ts'
import { production as gateway } from '../../services/auth-gateway/src/production.ts'
import { Env as NotifierEnv } from '../../services/notifier/src/config.ts'
import { production as notifier } from '../../services/notifier/src/production.ts'
import { Env as PasswordServiceEnv } from '../../services/password-service/src/config.ts'
import { production as passwordService } from '../../services/password-service/src/production.ts'

const services: Record<string, { env: { properties: object }; production: Production<never> }> = {
  'auth-gateway': { env: GatewayEnv, production: gateway as Production<never> },
  'password-service': { env: PasswordServiceEnv, production: passwordService as Production<never> },
  notifier: { env: NotifierEnv, production: notifier as Production<never> },
}

/** Errors of these variables in production; `about`: the variable that they begin with. */
const errorsOf = ({ production }: { production: Production<never> }, config: object, about: string) =>
  production.rules.flatMap((rule) => rule(config as never)).filter((error) => error.startsWith(`${about} `))

const credentials = { NATS_USER: 'u', NATS_PASSWORD: 'p' }

/** URLs of parts without TLS. */
const plainParts: Record<string, string[]> = {
  NATS_URL: ['nats://nats:4222', 'nats://nats-0.nats.store.svc.cluster.local,nats://10.0.0.1'],
  REDIS_URL: ['redis://u:p@redis:6379'],
  DATABASE_URL: ['postgresql://u:p@postgres.store/rekey', 'postgresql://u:p@postgres/rekey?sslmode=disable'],
  REKEY_DATABASE_DIRECT_URL: ['postgresql://u:p@postgres/rekey'],
  REKEY_PASSWORD_SERVICE_URL: ['http://password-service:8080'],
  REKEY_JWKS_URL: ['http://auth-gateway/.well-known/jwks.json'],
  OTEL_EXPORTER_OTLP_ENDPOINT: ['http://collector:4318'],
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ['http://collector:4318/v1/traces'],
}
/** The same without credentials, and the variable of the error. */
const withoutCredentials: [variable: string, url: string, about: string][] = [
  ['NATS_URL', 'nats://nats:4222', 'NATS_NKEY_FILE'],
  ['REDIS_URL', 'redis://redis:6379', 'REDIS_URL'],
  ['DATABASE_URL', 'postgresql://u@postgres/rekey', 'DATABASE_URL'],
  ['REKEY_DATABASE_DIRECT_URL', 'postgresql://u@postgres/rekey', 'REKEY_DATABASE_DIRECT_URL'],
]
/** Servers of others, and of customers' browsers. */
const outside = [
  'REKEY_PUBLIC_URL',
  'REKEY_CHANGE_PASSWORD_URL',
  'REKEY_IDP_ISSUER',
  'REKEY_IDP_JWKS_URL',
  'REKEY_BREACH_URL',
  'REKEY_SMS_URL',
]

const mesh = { REKEY_ALLOW_PLAINTEXT: 'mesh' }

for (const [name, service] of Object.entries(services)) {
  const own = (variable: string) => variable in service.env.properties

  t.test(`S48: ${name}: production accepts parts without TLS in a mesh alone`, async (t) => {
    for (const [variable, urls] of Object.entries(plainParts).filter(([variable]) => own(variable))) {
      for (const url of urls) {
        const config = { [variable]: url, ...credentials }
        t.same(errorsOf(service, { ...config, ...mesh }, variable), [], `${variable} in a mesh`)
        for (const other of [{}, { REKEY_ALLOW_PLAINTEXT: 'loopback' }]) {
          t.equal(
            errorsOf(service, { ...config, ...other }, variable).length,
            1,
            `${variable} ${JSON.stringify(other)}`,
          )
        }
      }
    }
  })

  t.test(`S48: ${name}: production requires credentials, and TLS to servers outside, in a mesh too`, async (t) => {
    for (const [variable, url, about] of withoutCredentials.filter(([variable]) => own(variable))) {
      t.equal(errorsOf(service, { [variable]: url, ...mesh }, about).length, 1, `${variable} without credentials`)
    }
    for (const variable of outside.filter(own)) {
      const errors = errorsOf(service, { [variable]: 'http://elsewhere.example', ...mesh }, variable)
      t.match(errors, [`${variable} is without TLS`])
    }
    if (name === 'notifier') {
      t.match(errorsOf(service, { SMTP_URL: 'smtp://mail:25', ...mesh }, 'SMTP_URL'), ['SMTP_URL is plaintext'])
    }
  })

  t.test(`${name}: another word than loopback and mesh is refused in every profile`, async (t) => {
    for (const word of ['true', '1', 'yes', 'Mesh', 'mesh ', 'loopback,mesh', 'all']) {
      const { errors } = readConfig(service.env as never, { REKEY_ALLOW_PLAINTEXT: word })
      t.match(
        errors.filter((error) => error.startsWith('REKEY_ALLOW_PLAINTEXT ')),
        [/is not valid\..*Allowed: loopback, mesh\./],
        word,
      )
    }
  })
}
