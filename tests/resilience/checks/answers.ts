import type { SignIn } from '../seen.ts'
import type { Check } from './finding.ts'

const tokensOf = ({ accessToken, refreshToken }: SignIn) => [accessToken, refreshToken]

/** Of before a new password, but for the session that set it: neither token is good. Any other: both are, in their time. */
export const sessionsAreOver: Check = ({ grants, signIns }, { activeTokens, spentTokens, readAt }) => {
  const ofCustomers = Map.groupBy(grants, ({ customer }) => customer)
  const isOver = ({ customer, session, grantsBefore }: SignIn) =>
    (ofCustomers.get(customer) ?? [])
      .slice(grantsBefore)
      .some((grant) => spentTokens.has(grant.jti) && grant.session !== session)
  const mustBeGood = ({ accessToken, refreshToken, accessExpiresAt }: SignIn) =>
    accessExpiresAt > readAt ? [accessToken, refreshToken] : [refreshToken]
  const { over = [], on = [] } = Object.groupBy(signIns, (signIn) => (isOver(signIn) ? 'over' : 'on'))
  return {
    proven: signIns.length,
    kinds: { over: over.length, 'going on': on.length },
    faults: [
      ...over
        .filter((signIn) => tokensOf(signIn).some((token) => activeTokens.has(token)))
        .map(({ session, customer }) => `session ${session} of ${customer.code} goes on after a new password`),
      ...on
        .filter((signIn) => !mustBeGood(signIn).every((token) => activeTokens.has(token)))
        .map(({ session, customer }) => `session ${session} of ${customer.code} is over without a new password`),
    ],
  }
}

export const ownPasswordsAreTaken: Check = ({ ownPassword: { tried, refused } }) => ({ proven: tried, faults: refused })

export const refusalsHaveReasons: Check = ({ rightCodes, freshGrants }) => ({
  proven: rightCodes.tried + freshGrants.tried,
  faults: [...rightCodes.refused, ...freshGrants.refused],
})

export const answersAreOfTheContract: Check = ({ requests }) => {
  const answers = [...requests].flatMap(([step, outcomes]) =>
    [...outcomes].map(([status, count]) => ({ step, status, count })),
  )
  return {
    proven: answers.reduce((sum, { count }) => sum + count, 0),
    faults: answers
      .filter(({ status }) => status !== undefined && status >= 500 && status !== 503)
      .map(({ step, status, count }) => `${step}: ${status}, ${count} times`),
  }
}
