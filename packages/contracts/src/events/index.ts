import { BlockLifted, CompromiseReported, HoldEnded, IdentifiersChanged } from './account.ts'
import { ChallengeFailed, ChallengeIssued, ChallengeLocked, ChallengeVerified } from './challenge.ts'
import type { EventDefinition } from './event.ts'
import { LimitExceeded } from './limit.ts'
import { LoginFailed, LoginSucceeded } from './login.ts'
import {
  NotifyCode,
  NotifyPasswordChanged,
  NotifyResetRequested,
  NotifyRestoreBlocked,
  NotifyTemporaryPassword,
} from './notify.ts'
import { PasswordChanged, PasswordReset, PasswordResetRequested, PasswordRestored, PasswordSet } from './password.ts'
import { RestoreRequested } from './restore.ts'
import { SessionRevoked } from './session.ts'

const day = 86_400

export interface StreamDefinition {
  /** Only the events' own subjects: a wildcard would also catch questions such as `password.verify`, and keep them. */
  events: EventDefinition[]
  /** A work queue drops a message once its one consumer has acknowledged it. */
  workQueue: boolean
  maxAgeSeconds: number
  /** Where anyone may cause events: what goes over it is the oldest. */
  maxBytes?: number
}

/** Which stream of the broker keeps which events: what the AsyncAPI document is made from. */
export const streams = {
  AUTH: {
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
    events: [
      PasswordChanged,
      PasswordRestored,
      PasswordReset,
      PasswordSet,
      PasswordResetRequested,
      CompromiseReported,
      BlockLifted,
      HoldEnded,
      IdentifiersChanged,
    ],
    workQueue: false,
    maxAgeSeconds: 30 * day,
  },
  NOTIFY: {
    events: [NotifyCode, NotifyPasswordChanged, NotifyTemporaryPassword, NotifyResetRequested, NotifyRestoreBlocked],
    workQueue: true,
    maxAgeSeconds: 7 * day,
  },
} as const satisfies Record<string, StreamDefinition>

export type StreamName = keyof typeof streams

/** Events that could be neither handled nor published, under `dead.<subject>`. */
export const deadLetters = { name: 'DEAD', subjects: ['dead.>'], maxAgeSeconds: 30 * day } as const
