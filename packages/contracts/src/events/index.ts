import type { ServiceName } from '../services.ts'
import {
  BlockLifted,
  CompromiseReported,
  CustomerBlocked,
  CustomerErased,
  HoldEnded,
  IdentifiersChanged,
  SessionsEnded,
} from './account.ts'
import { AllPasswordsResetRequested } from './all-reset.ts'
import { ChallengeFailed, ChallengeIssued, ChallengeLocked, ChallengeVerified } from './challenge.ts'
import type { EventDefinition } from './event.ts'
import { FactorAdded, FactorRemoved, FactorsReset } from './factor.ts'
import { LimitExceeded } from './limit.ts'
import { LoginFailed, LoginSucceeded } from './login.ts'
import { MessageOutcome } from './message.ts'
import {
  NotifyAddressRemoved,
  NotifyAskedWhileBlocked,
  NotifyCode,
  NotifyFactorsChanged,
  NotifyPasswordChanged,
  NotifyProtectionChanged,
  NotifyResetRequested,
  NotifyRestoreBlocked,
  NotifyRestoreWaiting,
  NotifyTemporaryPassword,
  NotifyVerification,
} from './notify.ts'
import { PasswordChanged, PasswordReset, PasswordResetRequested, PasswordRestored, PasswordSet } from './password.ts'
import { RestoreRequested } from './restore.ts'
import { SessionRevoked } from './session.ts'
import { CustomerVerified } from './verification.ts'
import { RestoreCompleted, RestoreExpired, RestoreVetoed, RestoreWaitEnded, RestoreWaiting } from './waiting-restore.ts'

const day = 86_400

export interface StreamDefinition {
  /** The one service that publishes these events. */
  publisher: ServiceName
  /** A stream keeps the subjects of these events only: a wildcard would also store RPCs such as `password.verify`. */
  events: EventDefinition[]
  /** A work queue deletes a message once its one consumer has acknowledged it. */
  workQueue: boolean
  /** Age up to which the stream keeps events; 0: for ever. It is the least age: the operator may raise it. */
  maxAgeSeconds: number
  /**
   * Most messages of each event. Beyond it the broker refuses that event alone, so that its publisher learns of it and
   * other events are stored.
   */
  mostOfEachEvent?: number
  /**
   * Size with which the stream is created; then it is the operator's. Set where unauthenticated requests cause events, or
   * where events matter less than what they are about: beyond it the oldest events are deleted.
   */
  maxBytes?: number
}

/** The streams of the broker. docs/asyncapi.json, docs/events.md and deploy/nats/users are generated from them. */
export const streams = {
  AUTH: {
    publisher: 'auth-gateway',
    events: [
      RestoreRequested,
      ChallengeIssued,
      ChallengeVerified,
      ChallengeFailed,
      ChallengeLocked,
      LoginSucceeded,
      LoginFailed,
      SessionRevoked,
      LimitExceeded,
    ],
    workQueue: false,
    maxAgeSeconds: 7 * day,
    maxBytes: 512 * 1024 * 1024,
  },
  PASSWORD: {
    publisher: 'password-service',
    events: [
      PasswordChanged,
      PasswordRestored,
      PasswordReset,
      PasswordSet,
      PasswordResetRequested,
      AllPasswordsResetRequested,
      CompromiseReported,
      CustomerBlocked,
      SessionsEnded,
      BlockLifted,
      HoldEnded,
      IdentifiersChanged,
      CustomerErased,
      FactorAdded,
      FactorRemoved,
      FactorsReset,
      CustomerVerified,
      RestoreWaiting,
      RestoreVetoed,
      RestoreWaitEnded,
      RestoreCompleted,
      RestoreExpired,
    ],
    workQueue: false,
    maxAgeSeconds: 30 * day,
  },
  NOTIFY: {
    publisher: 'password-service',
    events: [
      NotifyCode,
      NotifyPasswordChanged,
      NotifyTemporaryPassword,
      NotifyResetRequested,
      NotifyRestoreBlocked,
      NotifyProtectionChanged,
      NotifyAddressRemoved,
      NotifyAskedWhileBlocked,
      NotifyFactorsChanged,
      NotifyVerification,
      NotifyRestoreWaiting,
    ],
    workQueue: true,
    // Nothing is deleted unsent: an event leaves the queue when it is sent or becomes a dead letter.
    maxAgeSeconds: 0,
    // 3 GB of one event at 1.5 KB each. A full queue of notifications refuses no code.
    mostOfEachEvent: 2_000_000,
  },
  // A stream of its own: its events must not move the sequence numbers of NOTIFY, by which the password-service finds
  // notifications that the broker lost (S50).
  MESSAGE: {
    publisher: 'notifier',
    events: [MessageOutcome],
    workQueue: true,
    maxAgeSeconds: 7 * day,
    maxBytes: 512 * 1024 * 1024,
  },
} as const satisfies Record<string, StreamDefinition>

export type StreamName = keyof typeof streams

/** The stream of events that could not be handled or published, each under `dead.<subject>`. */
export const deadLetters = { name: 'DEAD', subjects: ['dead.>'], maxAgeSeconds: 30 * day } as const

/**
 * Subjects, with the number of a dead letter, of notes in the stream DEAD that its replay has begun: a replay that was
 * interrupted long ago may have succeeded.
 */
export const replayNotes = 'dead.replay'
