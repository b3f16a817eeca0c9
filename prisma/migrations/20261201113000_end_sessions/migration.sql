-- The history also records that the back office ended all sessions of a customer.
ALTER TYPE "change_operation" ADD VALUE 'end_sessions';
