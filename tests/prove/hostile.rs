//! Patches that do harm. Each ends with the right verdict, on every level of isolation, and leaves nothing behind.
