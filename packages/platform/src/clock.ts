/** The clock, given to each service by its composition root. */
export type Now = () => Date
