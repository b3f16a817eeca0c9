/** The clock. app.ts passes it to the modules that need the time. */
export type Now = () => Date

const minuteMs = 60_000

/** The full minute at or after a time: a text without seconds must not let a customer try too early. */
export const fullMinute = (time: Date): Date => new Date(Math.ceil(time.getTime() / minuteMs) * minuteMs)
