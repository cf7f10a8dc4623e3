"""What every SQL ledger does alike: the work of each method, over named statements that a dialect brings."""
