import { limitsScale, Quota, readQuota } from '@rekey/platform/quota'
import { type Static, type TSchema, Type } from '@sinclair/typebox'

/** How much of what is allowed in which time. */
export const allowanceEnv = {
  REKEY_LIMIT_CODE_ADDRESS: Quota('300/10m', 'Codes that one client address may ask for.'),
  REKEY_LIMIT_CODE_ACCOUNT: Quota('10/1h', 'Codes to restore, or to change, that go to one account.'),
  REKEY_LIMIT_CODE_CLIENT: Quota('6000/1m', 'Codes that one OAuth client may ask for.'),
  REKEY_LIMIT_CODE_ALL: Quota('12000/10m', 'Accounts that codes to restore are asked for, over all (spraying).'),
  REKEY_LIMIT_LOGIN_CODE_ACCOUNT: Quota('30/1h', 'Codes to sign in that go to one account, its password proven.'),
  REKEY_LIMIT_ANSWER_ADDRESS: Quota('1200/10m', 'Answers to codes from one client address.'),
  REKEY_LIMIT_ANSWER_CLIENT: Quota('6000/1m', 'Answers to codes through one OAuth client.'),
  REKEY_LIMIT_LOGIN_ADDRESS: Quota('600/10m', 'Sign-ins from one client address.'),
  REKEY_LIMIT_LOGIN_ACCOUNT: Quota('100/1h', 'Wrong passwords of one account.'),
  REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS: Quota('20/1h', 'Wrong passwords of one account from one client address.'),
  REKEY_LIMIT_LOGIN_CLIENT: Quota('12000/1m', 'Sign-ins through one OAuth client.'),
  REKEY_LIMIT_LOGIN_ALL: Quota('30000/10m', 'Accounts that sign-ins are tried for, over all (spraying).'),
  REKEY_LIMIT_TOKEN_ADDRESS: Quota(
    '6000/10m',
    'Requests for tokens, codes aside, and wrong secrets of clients, from one client address.',
  ),
  REKEY_LIMIT_PASSWORD_ADDRESS: Quota('600/10m', 'New passwords, taken or not, from one client address.'),
  REKEY_LIMIT_PASSWORD_ACCOUNT: Quota('60/1h', 'New passwords, taken or not, of one signed-in customer.'),
  ...limitsScale,
} satisfies Record<string, TSchema>

const schema = Type.Object(allowanceEnv)
type Settings = Static<typeof schema>

export const readAllowances = (settings: Settings) => {
  const scaled = (text: string) => readQuota(text, settings.REKEY_LIMITS_SCALE)
  return {
    code: {
      address: scaled(settings.REKEY_LIMIT_CODE_ADDRESS),
      account: scaled(settings.REKEY_LIMIT_CODE_ACCOUNT),
      loginAccount: scaled(settings.REKEY_LIMIT_LOGIN_CODE_ACCOUNT),
      client: scaled(settings.REKEY_LIMIT_CODE_CLIENT),
      all: scaled(settings.REKEY_LIMIT_CODE_ALL),
    },
    answer: {
      address: scaled(settings.REKEY_LIMIT_ANSWER_ADDRESS),
      client: scaled(settings.REKEY_LIMIT_ANSWER_CLIENT),
    },
    login: {
      address: scaled(settings.REKEY_LIMIT_LOGIN_ADDRESS),
      account: scaled(settings.REKEY_LIMIT_LOGIN_ACCOUNT),
      accountAddress: scaled(settings.REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS),
      client: scaled(settings.REKEY_LIMIT_LOGIN_CLIENT),
      all: scaled(settings.REKEY_LIMIT_LOGIN_ALL),
    },
    token: { address: scaled(settings.REKEY_LIMIT_TOKEN_ADDRESS) },
    password: {
      address: scaled(settings.REKEY_LIMIT_PASSWORD_ADDRESS),
      account: scaled(settings.REKEY_LIMIT_PASSWORD_ACCOUNT),
    },
  }
}

export type Allowances = ReturnType<typeof readAllowances>
