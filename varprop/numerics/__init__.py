"""Numbers without nouns: quadrature with error estimates, and proven enclosures of integrals."""
