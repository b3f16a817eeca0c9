import type { Link } from '@rekey/test-support/link'
import type { System } from '../system.ts'
import { dropPackets } from './network.ts'
import type { ProbeKind } from './probes.ts'

/** A part that can stall. */
export interface Part {
  name: string
  /** A request that needs this part. */
  probe: ProbeKind
  links: Link[]
  /** Log messages of a lost connection or of requests that fail for it. */
  disconnect: RegExp
  pause(): void
  resume(): void
}

/** Stalls a part. @returns ends the stall */
export type Stall = (part: Part) => () => void

const paused: Stall = (part) => {
  part.pause()
  return () => part.resume()
}

/** Acts as a load balancer that accepts connections for a dead server: data is lost. */
const silent: Stall = ({ links }) => {
  for (const link of links) link.blackHole()
  return () => {
    for (const link of links) link.heal()
  }
}

const dropped: Stall = ({ links }) => dropPackets(links)

export const cases: { name: string; seconds: number; stall: Stall }[] = [
  ...[3, 8, 15, 65].map((seconds) => ({ name: `stopped ${seconds} s`, seconds, stall: paused })),
  { name: 'silent 15 s', seconds: 15, stall: silent },
  { name: 'dropped 15 s', seconds: 15, stall: dropped },
]

const stalledLink = (link: Link) => ({ links: [link], pause: () => link.stall(), resume: () => link.heal() })

/** The parts that other parts wait for. The inbox runs in this process: its link stalls instead of the process. */
export const partsOf = ({ links, services, redis, postgres, brokers }: System): Part[] => {
  const [nats] = brokers.servers
  const passwordServices = [services['password-service 1'], services['password-service 2']]
  return [
    {
      name: 'NATS',
      probe: 'mail',
      links: [links['auth-gateway to NATS'], links['password-service to NATS'], links['notifier to NATS']],
      disconnect: /^broker (is unavailable|ended)/,
      pause: () => nats?.pause(),
      resume: () => nats?.resume(),
    },
    {
      name: 'Redis',
      probe: 'mail',
      links: [links['auth-gateway to Redis']],
      disconnect: /^redis is unavailable/,
      pause: () => redis.pause(),
      resume: () => redis.resume(),
    },
    {
      name: 'Postgres',
      probe: 'mail',
      links: [links['password-service to Postgres']],
      disconnect: /^(a connection to postgres ended|outbox: (connection lost|not listening))/,
      pause: () => postgres.pause(),
      resume: () => postgres.resume(),
    },
    {
      name: 'SMTP',
      probe: 'mail',
      disconnect: /^(event not handled|dead letter)/,
      ...stalledLink(links['notifier to SMTP']),
    },
    {
      name: 'SMS vendor',
      probe: 'sms',
      disconnect: /^(event not handled|dead letter)/,
      ...stalledLink(links['notifier to SMS']),
    },
    {
      name: 'gateway to password-service',
      probe: 'forwarded',
      links: [links['auth-gateway to password-service']],
      disconnect: /^unavailable/,
      pause: () => passwordServices.forEach((service) => void service?.pause()),
      resume: () => passwordServices.forEach((service) => void service?.resume()),
    },
  ]
}
