import { codeAccountLimit, limitsScale, Quota, readQuota } from '@rekey/platform/quota'
import { type Static, type TSchema, Type } from '@sinclair/typebox'

/** Variables of all quotas, with their figures: how many requests are allowed in which time. */
export const quotaEnv = {
  REKEY_LIMIT_CODE_ADDRESS: Quota('300/10m', 'Codes requested from one client address.'),
  ...codeAccountLimit,
  REKEY_LIMIT_CODE_CLIENT: Quota('6000/1m', 'Codes requested through one OAuth client.'),
  REKEY_LIMIT_CODE_ALL: Quota('12000/10m', 'Distinct accounts that codes to restore are requested for (spraying).'),
  REKEY_LIMIT_LOGIN_CODE_ACCOUNT: Quota('30/1h', 'Codes to sign in that are sent for one account.'),
  REKEY_LIMIT_ANSWER_ADDRESS: Quota('1200/10m', 'Codes submitted from one client address.'),
  REKEY_LIMIT_ANSWER_CLIENT: Quota('6000/1m', 'Codes submitted through one OAuth client.'),
  REKEY_LIMIT_LOGIN_ADDRESS: Quota('600/10m', 'Sign-ins from one client address.'),
  REKEY_LIMIT_LOGIN_ACCOUNT: Quota('100/1h', 'Wrong passwords of one account.'),
  REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS: Quota('20/1h', 'Wrong passwords of one account from one client address.'),
  REKEY_LIMIT_LOGIN_CLIENT: Quota('12000/1m', 'Sign-ins through one OAuth client.'),
  REKEY_LIMIT_LOGIN_ALL: Quota('30000/10m', 'Distinct accounts that sign-ins are tried for (spraying).'),
  REKEY_LIMIT_TOKEN_ADDRESS: Quota(
    '6000/10m',
    'Token requests without a code, and wrong client secrets, from one client address.',
  ),
  REKEY_LIMIT_PASSWORD_ADDRESS: Quota('600/10m', 'New passwords, accepted or not, from one client address.'),
  REKEY_LIMIT_PASSWORD_ACCOUNT: Quota('60/1h', 'New passwords, accepted or not, of one signed-in customer.'),
  ...limitsScale,
} satisfies Record<string, TSchema>

const schema = Type.Object(quotaEnv)
export type QuotaSettings = Static<typeof schema>

export const readQuotas = (settings: QuotaSettings) => {
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

export type Quotas = ReturnType<typeof readQuotas>
