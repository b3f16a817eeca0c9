import type { Check } from './finding.ts'

export const sessionsAreOver: Check = ({ grants, signIns }, { activeSignIns, spentTokens }) => {
  const ofCustomers = Map.groupBy(grants, ({ customer }) => customer)
  const over = signIns.filter(({ customer, session, grantsBefore }) =>
    (ofCustomers.get(customer) ?? [])
      .slice(grantsBefore)
      .some((grant) => spentTokens.has(grant.jti) && grant.session !== session),
  )
  return {
    proven: over.length,
    faults: over
      .filter((signIn) => activeSignIns.has(signIn))
      .map(({ session, customer }) => `session ${session} of ${customer.code} goes on after a new password`),
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
