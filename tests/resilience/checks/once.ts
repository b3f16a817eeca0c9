import { isDone } from '../client-log.ts'
import { type Check, repeated } from './finding.ts'
import { messageIdOf, requestsCode } from './messages.ts'

export const grantsWorkOnce: Check = ({ grants }) => ({
  checked: grants.length,
  violations: [
    ...grants
      .filter(({ tries }) => tries.filter(isDone).length > 1)
      .map(({ jti, tries }) => `${jti} was acknowledged ${tries.filter(isDone).length} times`),
    ...repeated(grants.map(({ jti }) => jti)).map((jti) => `two codes gave the same grant ${jti}`),
  ],
})

export const codesWorkOnce: Check = ({ acceptedCodes, grants }, { events, spentTokens }) => {
  const verified = events.AUTH.filter(({ type }) => type === 'auth.challenge.verified')
  return {
    checked: new Set(acceptedCodes).size,
    violations: [
      ...repeated(acceptedCodes).map((challenge) => `the code of ${challenge} was accepted twice`),
      ...repeated(verified.map(({ subject }) => subject)).map((challenge) => `${challenge} was verified twice`),
      ...repeated(grants.filter(({ jti }) => spentTokens.has(jti)).map(({ challengeId }) => challengeId)).map(
        (challenge) => `two passwords were set by the code of ${challenge}`,
      ),
    ],
  }
}

export const eventsAreStoredOnce: Check = (_clientLog, { events: { AUTH, PASSWORD } }) => {
  const codes = AUTH.filter(requestsCode)
  return {
    checked: AUTH.length + PASSWORD.length,
    violations: [
      ...repeated(AUTH.map(({ id }) => id)).map((id) => `the event ${id} is on AUTH twice`),
      ...repeated(PASSWORD.map(({ id }) => id)).map((id) => `the event ${id} is on PASSWORD twice`),
      // The notifier de-duplicates by this id: the second code would not be sent.
      ...repeated(codes.map(messageIdOf)).map((name) => `two codes have the id ${name}`),
    ],
  }
}
