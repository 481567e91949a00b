"""Numbers from public billing systems, answered by this engine."""
