import {
  answersMatchContract,
  refusalsHaveReasons,
  rightPasswordsAreAccepted,
  sessionsEnded,
} from './checks/answers.ts'
import { allEventsHandled, chainsAreUnbroken, oneEventEach } from './checks/events.ts'
import type { Check, Finding } from './checks/finding.ts'
import { codesArrive, oneNotificationEach } from './checks/messages.ts'
import { codesWorkOnce, eventsAreStoredOnce, grantsWorkOnce } from './checks/once.ts'
import { acknowledgedAreInHistory, lastPasswordVerifies, wholeOrNothing } from './checks/passwords.ts'
import { poisonIsContained } from './checks/poison.ts'
import { restoresAreStored, wrongCodesCountOnce } from './checks/restores.ts'
import { codesOfFactorsWorkOnce, oneProofSetsNothing } from './checks/second-factors.ts'
import { noticesAreSentOnce } from './checks/waiting-notices.ts'
import { answersFitOutcomes, oneOutcomeEach } from './checks/waiting-restores.ts'
import type { ClientLog } from './client-log.ts'
import type { FinalState } from './final-state.ts'

const checks: [claim: string, check: Check][] = [
  ['new passwords that were answered 204 are in the history', acknowledgedAreInHistory],
  ['customers sign in with their last password, and with no other', lastPasswordVerifies],
  ['outcomes that no client was told are done wholly or not at all', wholeOrNothing],
  ['grants set at most one password', grantsWorkOnce],
  ['codes were accepted at most once', codesWorkOnce],
  ['records of the history have one event on PASSWORD each, in order', oneEventEach],
  ['events are stored once on AUTH and PASSWORD', eventsAreStoredOnce],
  [
    'codes of restores were counted once for their customer, and the restore is stored for that customer',
    restoresAreStored,
  ],
  ['failed attempts of restores count once, until a right code resets them', wrongCodesCountOnce],
  ['notifications of a new password were sent once to each address of the customer', oneNotificationEach],
  ['sessions have ended at the gateway after a new password of another session, and no others', sessionsEnded],
  ['promised codes arrived within a minute, without the time of long failures on their way', codesArrive],
  ['time steps of apps and recovery codes were accepted at most once', codesOfFactorsWorkOnce],
  ['one proof of two set a password only after a wait that nobody vetoed', oneProofSetsNothing],
  ['waiting restores have one outcome, written once and published once', oneOutcomeEach],
  ['openings, vetoes, sign-ins and new passwords were answered as the outcome says', answersFitOutcomes],
  ['each notice of a waiting restore was sent once to each address of the customer', noticesAreSentOnce],
  ['records of the history form unbroken chains', chainsAreUnbroken],
  ['all events were handled: none waits, and only poison became a dead letter', allEventsHandled],
  ['poison events are dead letters, or held with the events behind them', poisonIsContained],
  ['sign-ins with the right password succeeded', rightPasswordsAreAccepted],
  ['right codes and unused grants were refused only after a lost answer', refusalsHaveReasons],
  ['answers are those of the contract: of 5xx only 503', answersMatchContract],
]

/**
 * Compares the final state of the stores with the answers that clients got. Of the injected failures it uses only the
 * poison events and the long failures that delay codes.
 */
export const check = async (clientLog: ClientLog, state: FinalState): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const [claim, find] of checks) findings.push({ claim, ...(await find(clientLog, state)) })
  return findings
}
