/** The clock. app.ts passes it to the modules that need the time. */
export type Now = () => Date
