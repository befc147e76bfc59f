; Vans bring parcels from place to place, one at a time; roads are of different lengths.
(define (domain delivery)
  (:requirements :strips :typing :negative-preconditions :action-costs)
  (:types place van parcel)
  (:predicates
    (van-at ?v - van ?p - place)
    (parcel-at ?x - parcel ?p - place)
    (in ?x - parcel ?v - van)
    (loaded ?v - van)
    (road ?from ?to - place))
  (:functions
    (total-cost)
    (length ?from ?to - place))
  (:action drive
    :parameters (?v - van ?from ?to - place)
    :precondition (and (van-at ?v ?from) (road ?from ?to))
    :effect (and (van-at ?v ?to) (not (van-at ?v ?from)) (increase (total-cost) (length ?from ?to))))
  (:action load
    :parameters (?x - parcel ?v - van ?p - place)
    :precondition (and (van-at ?v ?p) (parcel-at ?x ?p) (not (loaded ?v)))
    :effect (and (in ?x ?v) (loaded ?v) (not (parcel-at ?x ?p)) (increase (total-cost) 1)))
  (:action unload
    :parameters (?x - parcel ?v - van ?p - place)
    :precondition (and (van-at ?v ?p) (in ?x ?v))
    :effect (and (parcel-at ?x ?p) (not (in ?x ?v)) (not (loaded ?v)) (increase (total-cost) 1))))
