import { PermanentError } from '@rekey/platform/consumer'

/** When the gateway received the code of an event with this time. @throws PermanentError */
export const answeredAt = (time: Date): Date => {
  if (Number.isNaN(time.getTime())) throw new PermanentError('the event has no time')
  return time
}
