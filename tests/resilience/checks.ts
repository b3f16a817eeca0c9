import {
  answersAreOfTheContract,
  ownPasswordsAreTaken,
  refusalsHaveReasons,
  sessionsAreOver,
} from './checks/answers.ts'
import { chainsHold, nothingGivenUp, oneEventEach } from './checks/events.ts'
import type { Check, Finding } from './checks/finding.ts'
import { codesArrive, oneNoticeEach } from './checks/messages.ts'
import { codesWorkOnce, eventsStandOnce, grantsWorkOnce } from './checks/once.ts'
import { answeredAreInHistory, lastPasswordVerifies, wholeOrNothing } from './checks/passwords.ts'
import { poisonIsPutAside } from './checks/poison.ts'
import { restoresAreNoted, wrongCodesCountOnce } from './checks/restores.ts'
import type { Held } from './held.ts'
import type { Seen } from './seen.ts'

const checks: [what: string, check: Check][] = [
  ['new passwords that were answered 204 are in the history', answeredAreInHistory],
  ['customers sign in with their last password, and with no other', lastPasswordVerifies],
  ['outcomes that nobody was told are whole or nothing', wholeOrNothing],
  ['grants set one password at most', grantsWorkOnce],
  ['codes were taken once at most', codesWorkOnce],
  ['records of the history have one event on PASSWORD each, in order', oneEventEach],
  ['events stand on AUTH and PASSWORD once each', eventsStandOnce],
  ['codes to restore were counted once each, for whoever asked, and whose restore it is was noted', restoresAreNoted],
  ['codes that were given to restore count once each, and wrong ones until a right one', wrongCodesCountOnce],
  ['notices of a new password were sent, one to each address of its customer', oneNoticeEach],
  ['sessions are over at the gateway after a new password of another, and no others', sessionsAreOver],
  ['codes that were promised arrived within a minute, long faults on their way not counted', codesArrive],
  ['records of the history stand in their chains', chainsHold],
  ['events were all dealt with: none waits, none but poison became a dead letter', nothingGivenUp],
  ['poison events are dead letters, or put aside with what depends on them', poisonIsPutAside],
  ["sign-ins with one's own password were let in", ownPasswordsAreTaken],
  ['right codes and fresh grants were refused for no other reason than a lost answer', refusalsHaveReasons],
  ['answers were of the contract: of the 5xx only 503', answersAreOfTheContract],
]

/**
 * Holds what the stores hold against what clients were told. Of what was done to whom it knows poison, and the long
 * faults that hold up codes.
 */
export const check = async (seen: Seen, held: Held): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const [what, find] of checks) findings.push({ what, ...(await find(seen, held)) })
  return findings
}
