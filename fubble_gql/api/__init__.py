"""GraphQL: the only package that knows it. One file for each noun: types, inputs, queries, mutations."""
