import type { ListenedEvent } from '@rekey/contracts'

// Which OCSF activity each event is. A new event needs a line here: the types demand it.

type DataOf<Type extends ListenedEvent['type']> = Extract<ListenedEvent, { type: Type }>['data']

export const classes = {
  account_change: {
    uid: 3001,
    name: 'Account Change',
    activities: {
      'Password Change': 3,
      'Password Reset': 4,
      Delete: 6,
      Lock: 9,
      'MFA Factor Enable': 10,
      'MFA Factor Disable': 11,
      Unlock: 12,
    },
  },
  authentication: {
    uid: 3002,
    name: 'Authentication',
    activities: { Logon: 1, Logoff: 2, Preauth: 6 },
  },
} as const

export type ClassName = keyof typeof classes

export const severities = { Informational: 1, Low: 2, Medium: 3, High: 4 } as const
export const statuses = { Unknown: 0, Success: 1, Failure: 2 } as const

export interface Activity {
  class: ClassName
  /** One of the class, or a name of our own: then `activity_id` is 99 (Other). */
  activity: string
  status: keyof typeof statuses
  severity: keyof typeof severities
  /** Why, in one sentence. */
  detail?: string
}

const accountChange = (activity: string, severity: Activity['severity'] = 'Informational'): Activity => ({
  class: 'account_change',
  activity,
  severity,
  status: 'Success',
})
const authentication = (
  activity: string,
  status: Activity['status'],
  severity: Activity['severity'] = 'Informational',
): Activity => ({ class: 'authentication', activity, status, severity })

/** The activity of each event, by its type. */
export const activities: { [Type in ListenedEvent['type']]: (data: DataOf<Type>) => Activity } = {
  'auth.restore.requested': () => ({ ...accountChange('Password Reset Requested'), status: 'Unknown' }),
  'auth.challenge.issued': () => authentication('Preauth', 'Unknown'),
  'auth.challenge.verified': () => authentication('Preauth', 'Success'),
  'auth.challenge.failed': ({ attempt }) => ({
    ...authentication('Preauth', 'Failure', 'Low'),
    detail: `wrong code, attempt ${attempt}`,
  }),
  'auth.challenge.locked': ({ attempt }) => ({
    ...authentication('Preauth', 'Failure', 'Medium'),
    detail: `wrong code, attempt ${attempt}: the challenge accepts no more`,
  }),
  'auth.login.succeeded': () => authentication('Logon', 'Success'),
  'auth.login.failed': () => ({
    ...authentication('Logon', 'Failure', 'Low'),
    detail: 'wrong password or unknown user',
  }),
  'auth.session.revoked': ({ reason }) => ({
    ...authentication('Logoff', 'Success', reason === 'revoked' ? 'Informational' : 'High'),
    detail: reason,
  }),
  'auth.limit.exceeded': ({ by, action }) => {
    const detail = `${by}: too many requests for ${action}`
    if (by === 'budget') return { ...accountChange('Lock', 'Medium'), detail: 'too many wrong codes' }
    return { ...authentication('Rate Limit Exceeded', 'Failure', by === 'all' ? 'High' : 'Low'), detail }
  },
  'password.changed': () => accountChange('Password Change'),
  'password.restored': () => accountChange('Password Reset'),
  'password.reset': () => ({ ...accountChange('Password Reset'), detail: 'a temporary password was sent' }),
  'password.set': () => ({
    ...accountChange('Password Reset', 'Low'),
    detail: 'the back office set a temporary password',
  }),
  'password.reset-requested': () => accountChange('Password Change Required', 'Low'),
  'password.all-reset-requested': () => accountChange('Password Change Required', 'Medium'),
  'account.compromise-reported': () => ({
    ...accountChange('Lock', 'High'),
    detail: 'the customer reported a compromise',
  }),
  'account.blocked': () => ({ ...accountChange('Lock', 'Low'), detail: 'the back office blocked the customer' }),
  'account.sessions-ended': () => authentication('Logoff', 'Success', 'Low'),
  'account.block-lifted': () => accountChange('Unlock', 'Low'),
  'account.hold-ended': () => accountChange('Recovery Hold Ended', 'Low'),
  'account.erased': () => accountChange('Delete', 'Medium'),
  'account.identifiers-changed': () => accountChange('Addresses Changed', 'Low'),
  'customer.factor-added': ({ kind }) => ({ ...accountChange('MFA Factor Enable', 'Low'), detail: kind }),
  'customer.factors-reset': () => ({
    ...accountChange('MFA Factor Disable', 'High'),
    detail: 'the back office reset them',
  }),
  'customer.verified': ({ method }) => ({
    ...authentication('Preauth', 'Success', 'Low'),
    detail: `the back office verified the customer, by ${method}`,
  }),
  'customer.restore-waiting': () => ({
    ...accountChange('Password Reset Requested', 'Medium'),
    status: 'Unknown',
    detail: 'one proof of two: it waits, and can be vetoed',
  }),
  'customer.restore-vetoed': ({ by }) => ({
    ...accountChange('Password Reset Vetoed', by === 'new_password' ? 'Low' : 'High'),
    detail: by,
  }),
  'customer.restore-wait-ended': () => ({
    ...accountChange('Password Reset Wait Ended', 'High'),
    detail: 'two members of staff, after a verification of the customer',
  }),
  'customer.restore-completed': () => ({ ...accountChange('Password Reset', 'Medium'), detail: 'after the wait' }),
  'customer.restore-expired': () => ({ ...accountChange('Password Reset Expired', 'Low'), status: 'Failure' }),
  'customer.factor-removed': ({ kind }) => ({ ...accountChange('MFA Factor Disable', 'Medium'), detail: kind }),
}
