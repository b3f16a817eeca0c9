import { isDone } from '../seen.ts'
import { type Check, repeated } from './finding.ts'
import { isOfCode, messageOf } from './messages.ts'

export const grantsWorkOnce: Check = ({ grants }) => ({
  proven: grants.length,
  faults: [
    ...grants
      .filter(({ tries }) => tries.filter(isDone).length > 1)
      .map(({ jti, tries }) => `${jti} was answered as done ${tries.filter(isDone).length} times`),
    ...repeated(grants.map(({ jti }) => jti)).map((jti) => `two codes were traded for the same grant ${jti}`),
  ],
})

export const codesWorkOnce: Check = ({ takenCodes, grants }, { events, spentTokens }) => {
  const verified = events.AUTH.filter(({ type }) => type === 'auth.challenge.verified')
  return {
    proven: new Set(takenCodes).size,
    faults: [
      ...repeated(takenCodes).map((challenge) => `the code of ${challenge} was taken twice`),
      ...repeated(verified.map(({ subject }) => subject)).map((challenge) => `${challenge} was verified twice`),
      ...repeated(grants.filter(({ jti }) => spentTokens.has(jti)).map(({ challengeId }) => challengeId)).map(
        (challenge) => `two passwords were set by the code of ${challenge}`,
      ),
    ],
  }
}

export const eventsStandOnce: Check = (_seen, { events: { AUTH, PASSWORD } }) => {
  const codes = AUTH.filter(isOfCode)
  return {
    proven: AUTH.length + PASSWORD.length,
    faults: [
      ...repeated(AUTH.map(({ id }) => id)).map((id) => `the event ${id} is on AUTH twice`),
      ...repeated(PASSWORD.map(({ id }) => id)).map((id) => `the event ${id} is on PASSWORD twice`),
      // Whoever hands them on knows them by it: the second one would be taken for the first, and not be sent.
      ...repeated(codes.map(messageOf)).map((name) => `two codes are called ${name}`),
    ],
  }
}
