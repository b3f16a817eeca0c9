import type { SignIn } from '../client-log.ts'
import type { Check } from './finding.ts'

const tokensOf = ({ accessToken, refreshToken }: SignIn) => [accessToken, refreshToken]

/** A new password ends all earlier sessions except the one that set it; the tokens of the others stay active until they expire. */
export const sessionsEnded: Check = ({ grants, signIns }, { activeTokens, spentTokens, readAt }) => {
  const ofCustomers = Map.groupBy(grants, ({ customer }) => customer)
  const hasEnded = ({ customer, session, grantsBefore }: SignIn) =>
    (ofCustomers.get(customer) ?? [])
      .slice(grantsBefore)
      .some((grant) => spentTokens.has(grant.jti) && grant.session !== session)
  const activeTokensOf = ({ accessToken, refreshToken, accessExpiresAt }: SignIn) =>
    accessExpiresAt > readAt ? [accessToken, refreshToken] : [refreshToken]
  const { ended = [], active = [] } = Object.groupBy(signIns, (signIn) => (hasEnded(signIn) ? 'ended' : 'active'))
  return {
    checked: signIns.length,
    breakdown: { ended: ended.length, active: active.length },
    violations: [
      ...ended
        .filter((signIn) => tokensOf(signIn).some((token) => activeTokens.has(token)))
        .map(({ session, customer }) => `session ${session} of ${customer.code} is active after a new password`),
      ...active
        .filter((signIn) => !activeTokensOf(signIn).every((token) => activeTokens.has(token)))
        .map(({ session, customer }) => `session ${session} of ${customer.code} ended without a new password`),
    ],
  }
}

export const rightPasswordsAreAccepted: Check = ({ rightPasswords: { tried, refused } }) => ({
  checked: tried,
  violations: refused,
})

export const refusalsHaveReasons: Check = ({ rightCodes, freshGrants }) => ({
  checked: rightCodes.tried + freshGrants.tried,
  violations: [...rightCodes.refused, ...freshGrants.refused],
})

export const answersMatchContract: Check = ({ requests }) => {
  const answers = [...requests].flatMap(([step, outcomes]) =>
    [...outcomes].map(([status, count]) => ({ step, status, count })),
  )
  return {
    checked: answers.reduce((sum, { count }) => sum + count, 0),
    violations: answers
      .filter(({ status }) => status !== undefined && status >= 500 && status !== 503)
      .map(({ step, status, count }) => `${step}: ${status}, ${count} times`),
  }
}
