import { answerCalls } from './calls.ts'
import { startMailSink } from './mail-sink.ts'
import type { LoadCommands } from './protocol.ts'
import { send } from './send.ts'

// The process that sends the load and receives the mails: its processor time counts for no contestant.

const sink = await startMailSink()

const commands: LoadCommands = {
  run: send,
  mailCount: async () => sink.count(),
  keepMails: async (keep) => sink.keep(keep),
  takeMails: () => sink.take(),
  smtpPort: async () => sink.port,
}
answerCalls({ ...commands })
process.on('disconnect', () => process.exit())
process.send?.({ ready: true })
