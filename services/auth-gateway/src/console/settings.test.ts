import { ConfigError, loadConfig } from '@rekey/platform/config'
import { identityProviderEnv } from '@rekey/platform/identity-provider'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { consoleEnv, consoleErrors, readConsoleSettings } from './settings.ts'

const schema = Type.Object({ ...identityProviderEnv, ...consoleEnv })
const provider = { REKEY_IDP_ISSUER: 'https://id.bank.example', REKEY_IDP_STAFF_AUDIENCE: 'https://staff.example' }
const configOf = (variables: Record<string, string>) => loadConfig(schema, variables)

t.test('without a client there is no console', async (t) => {
  t.equal(readConsoleSettings(configOf({})), undefined)
  t.equal(readConsoleSettings(configOf(provider)), undefined)
})

t.test('a console without its provider, and a secret without a client, are refused by name', async (t) => {
  const cases: [Record<string, string>, string[]][] = [
    [{ REKEY_CONSOLE_CLIENT_ID: 'c' }, ['REKEY_IDP_ISSUER', 'REKEY_IDP_STAFF_AUDIENCE']],
    [{ ...provider, REKEY_CONSOLE_CLIENT_ID: 'c', REKEY_IDP_STAFF_AUDIENCE: '' }, ['REKEY_IDP_STAFF_AUDIENCE']],
    [{ ...provider, REKEY_CONSOLE_CLIENT_SECRET: 's' }, ['REKEY_CONSOLE_CLIENT_ID']],
  ]
  for (const [variables, missing] of cases) {
    const config = configOf(variables)
    t.throws(() => readConsoleSettings(config), ConfigError)
    t.same(
      consoleErrors(config).map((error) => error.split(' ')[0]),
      missing,
    )
  }
})

t.test('the audience is named as the provider wants it', async (t) => {
  const audienceOf = (parameter: string) =>
    readConsoleSettings(
      configOf({ ...provider, REKEY_CONSOLE_CLIENT_ID: 'c', REKEY_CONSOLE_AUDIENCE_PARAMETER: parameter }),
    )?.audience
  t.same(audienceOf(''), { resource: 'https://staff.example' })
  t.same(audienceOf('audience'), { audience: 'https://staff.example' })
  t.same(audienceOf('none'), {})
})

t.test('a scope without openid is refused', async (t) => {
  for (const scope of ['REST:FULL', 'openidx', 'xopenid REST:FULL', ' openid', 'openid  profile'])
    t.throws(() => configOf({ REKEY_CONSOLE_SCOPE: scope }), ConfigError, scope)
  for (const scope of ['openid', 'REST:FULL openid', 'profile openid REST:FULL'])
    t.equal(configOf({ REKEY_CONSOLE_SCOPE: scope }).REKEY_CONSOLE_SCOPE, scope)
})
