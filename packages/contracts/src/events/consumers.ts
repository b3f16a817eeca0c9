import type { ServiceName } from '../services.ts'
import { BlockLifted, CompromiseReported, CustomerBlocked, CustomerErased, SessionsEnded } from './account.ts'
import { AllPasswordsResetRequested } from './all-reset.ts'
import { ChallengeFailed, ChallengeIssued, ChallengeLocked, ChallengeVerified } from './challenge.ts'
import type { EventDefinition } from './event.ts'
import { type StreamDefinition, type StreamName, streams } from './index.ts'
import { LoginSucceeded } from './login.ts'
import { MessageOutcome } from './message.ts'
import { PasswordChanged, PasswordReset, PasswordResetRequested, PasswordRestored, PasswordSet } from './password.ts'
import { RestoreRequested } from './restore.ts'
import { SessionRevoked } from './session.ts'

/**
 * The events that each service consumes, each by a durable consumer. The broker's permissions are generated from this
 * list: a service cannot consume an event that is missing here.
 */
export const consumedEvents: Record<ServiceName, readonly EventDefinition[]> = {
  'auth-gateway': [
    PasswordChanged,
    PasswordRestored,
    PasswordReset,
    PasswordSet,
    PasswordResetRequested,
    CompromiseReported,
    CustomerBlocked,
    SessionsEnded,
    BlockLifted,
    CustomerErased,
  ],
  'password-service': [
    RestoreRequested,
    ChallengeIssued,
    ChallengeFailed,
    ChallengeLocked,
    ChallengeVerified,
    LoginSucceeded,
    SessionRevoked,
    MessageOutcome,
  ],
  notifier: streams.NOTIFY.events,
}

/**
 * Events that every instance of a service receives as they are published, without a consumer. A missed one must do no
 * harm: the service reads the state behind it by an RPC after each new connection.
 */
export const watchedEvents: Partial<Record<ServiceName, readonly EventDefinition[]>> = {
  'auth-gateway': [AllPasswordsResetRequested],
}

/**
 * Streams that a service reads again, message by message, after its own store lost what it had taken from their events.
 */
export const reReadStreams: Partial<Record<ServiceName, readonly ('AUTH' | 'PASSWORD')[]>> = {
  'auth-gateway': ['AUTH', 'PASSWORD'],
}

/** The streams without which a service is not ready: those that it publishes to, and the work queues that it reads. */
export const checkedStreams = (service: ServiceName): StreamName[] => {
  const entries = Object.entries<StreamDefinition>(streams)
  const published = entries.filter(([, { publisher }]) => publisher === service)
  const read = entries.filter(
    ([, { workQueue, events }]) => workQueue && events.some((event) => consumedEvents[service].includes(event)),
  )
  return [...new Set([...published, ...read].map(([name]) => name as StreamName))]
}

/** Name of the durable consumer through which all instances of a service share one event. */
export const durableName = (service: string, type: string): string => `${service}-${type.replaceAll('.', '-')}`

/** Names of the streams that other services of the platform read: all but work queues, whose messages have one consumer. */
export const listenerStreams = Object.entries<StreamDefinition>(streams).flatMap(([name, { workQueue }]) =>
  workQueue ? [] : name,
)
