// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Ledger} from "../src/Ledger.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// Who votes with how much, what it takes to win, and that a signed ballot or proposal counts for nothing else.
contract VotesTest is GrantsFixture {
    // Votes

    function usePolicy(uint16 quorumPercent, uint256 quorumFloor) private {
        AssetFactory.AssetParams memory p = params(keccak256(abi.encode(quorumPercent, quorumFloor)));
        (p.governance.query.quorumPercent, p.governance.query.quorumFloor) = (quorumPercent, quorumFloor);
        (p.governance.copy, p.governance.constitution) = (p.governance.query, p.governance.query);
        useAsset(p);
        grow();
    }

    function outcome(bytes32 salt, uint8[4] memory ballots) private returns (IGovernor.ProposalState) {
        uint256 proposal = propose(approvalOf(ask(termsOf(salt))), stranger);
        for (uint256 i = 0; i < 4; i++) {
            // 3 stands for those who do not vote.
            if (ballots[i] != 3) vote(proposal, i, ballots[i]);
        }
        vm.warp(governor.proposalDeadline(proposal) + 1);
        return governor.state(proposal);
    }

    function comesTo(bytes32 salt, uint8[4] memory ballots, IGovernor.ProposalState expected) private {
        vm.assertEq(uint256(outcome(salt, ballots)), uint256(expected), string(abi.encodePacked(salt)));
    }

    function test_QuorumHasAFloor() public {
        usePolicy(0, 4e18);
        comesTo("1 + 2 for", [FOR, FOR, 3, 3], IGovernor.ProposalState.Defeated);
        comesTo("1 + 3 for", [FOR, 3, FOR, 3], IGovernor.ProposalState.Succeeded);
        vm.assertEq(governor.quorum(vm.getBlockTimestamp() - 1), 4e18, "floor");
    }

    function test_QuorumIsAPartOfAllShares() public {
        usePolicy(50, 1);
        comesTo("4 of 10 for", [3, 3, 3, FOR], IGovernor.ProposalState.Defeated);
        comesTo("5 of 10 for", [FOR, 3, 3, FOR], IGovernor.ProposalState.Succeeded);
        // Shares that wait in the ledger count in the whole, though they cannot vote.
        post(claimsOf(1));
        skip(1);
        comesTo("5 of 11 for", [FOR, 3, 3, FOR], IGovernor.ProposalState.Defeated);
        comesTo("6 of 11 for", [3, FOR, 3, FOR], IGovernor.ProposalState.Succeeded);
    }

    function test_AbstentionsMakeTheQuorumButNotTheMajority() public {
        usePolicy(0, 5e18);
        comesTo("for 1, abstain 4", [FOR, 3, 3, ABSTAIN], IGovernor.ProposalState.Succeeded);
        comesTo("abstain 7", [3, 3, ABSTAIN, ABSTAIN], IGovernor.ProposalState.Defeated);
        comesTo("for 4, against 6", [AGAINST, AGAINST, AGAINST, FOR], IGovernor.ProposalState.Defeated);
        comesTo("for 5, against 5", [FOR, AGAINST, AGAINST, FOR], IGovernor.ProposalState.Defeated);
        comesTo("for 6, against 4", [FOR, FOR, FOR, AGAINST], IGovernor.ProposalState.Succeeded);
    }

    function test_VotesAreThoseOfTheSecondBeforeTheProposal() public {
        Action memory a = approvalOf(ask(termsOf("one")));
        vm.prank(owner(2));
        token.transfer(stranger, 1e18);
        skip(1);
        // Borrowed in the second of the proposal, and given back in it: neither counts.
        vm.prank(owner(3));
        token.transfer(stranger, 4e18);
        uint256 proposal = propose(a, stranger);
        vm.assertEq(governor.proposalSnapshot(proposal), vm.getBlockTimestamp() - 1, "snapshot");
        vm.prank(stranger);
        governor.castVote(proposal, AGAINST);
        vm.prank(stranger);
        token.transfer(owner(3), 4e18);
        skip(1);
        vote(proposal, 3, FOR);
        vote(proposal, 2, FOR);
        (uint256 against, uint256 pro,) = governor.proposalVotes(proposal);
        vm.assertEq(pro, 4e18 + 2e18, "the lender still votes, not for what was sold before");
        vm.assertEq(against, 1e18, "what it had a second earlier");
    }

    function test_SharesThatWaitInTheLedgerDoNotVote() public {
        Ledger.Claim[] memory claims = claimsOf(addressesOf(ownerKeys), new uint256[](4));
        claims[0].amount = 50e18;
        post(claims);
        skip(1);
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        ledger.claim(claims[0], proofOf(leavesOf(claims), 0));
        vote(proposal, 0, FOR);
        vm.prank(address(ledger));
        governor.castVote(proposal, AGAINST);
        (uint256 against, uint256 pro,) = governor.proposalVotes(proposal);
        vm.assertEq(pro, 1e18, "what was claimed before");
        vm.assertEq(against, 0, "the ledger has no votes");
    }

    function test_OneVoteAnOwner() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        vote(proposal, 0, FOR);
        bytes memory twice = abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, owner(0));
        vm.prank(owner(0));
        refuses(address(governor), castCall(proposal, AGAINST), twice);
        bytes memory s = ballot(ownerKeys[0], proposal, AGAINST, ballotNonce(proposal));
        refuses(
            address(governor), abi.encodeCall(governor.castVoteBySig, (proposal, AGAINST, owner(0), s)), twice
        );
    }

    // Ballots and proposals by signature

    function refusesBallot(uint256 proposal, uint8 support, address voter, bytes memory s) private {
        refuses(
            address(governor),
            abi.encodeCall(governor.castVoteBySig, (proposal, support, voter, s)),
            abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, voter)
        );
    }

    function test_BallotCountsForOneProposalVoteVoterChainAndGovernor() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        uint256 other = propose(approvalOf(ask(termsOf("two"))), stranger);
        bytes memory s = ballot(ownerKeys[0], proposal, FOR, ballotNonce(proposal));
        skip(2);
        refusesBallot(other, FOR, owner(0), s);
        refusesBallot(proposal, AGAINST, owner(0), s);
        refusesBallot(proposal, ABSTAIN, owner(0), s);
        refusesBallot(proposal, FOR, owner(1), s);
        refusesBallot(proposal, FOR, address(0), s);
        refusesBallot(proposal, FOR, owner(0), bytes.concat(s, hex"00"));
        refusesBallot(proposal, FOR, owner(0), ballot(ownerKeys[0], proposal, FOR, ballotNonce(proposal) + 1));
        refusesBallot(proposal, FOR, owner(0), ballot(ownerKeys[0], proposal, FOR, ballotNonce(other)));
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesBallot(proposal, FOR, owner(0), s);
        vm.chainId(chain);
        vm.prank(stranger);
        governor.castVoteBySig(proposal, FOR, owner(0), s);
        (, uint256 pro,) = governor.proposalVotes(proposal);
        vm.assertEq(pro, 1e18, "the owner's votes");
        // Used.
        bytes memory twice = abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, owner(0));
        refuses(address(governor), abi.encodeCall(governor.castVoteBySig, (proposal, FOR, owner(0), s)), twice);
        useAsset(params("twin"));
        grow();
        ask(termsOf("one"));
        skip(2);
        refusesBallot(proposal, FOR, owner(0), s);
    }

    /// Nobody needs to know in which order ballots will be sent, and one that is never sent stops no other.
    function test_BallotsAreSentInAnyOrder() public {
        uint256[3] memory proposals;
        bytes[3] memory ballots;
        for (uint256 i = 0; i < 3; i++) {
            proposals[i] = propose(approvalOf(ask(termsOf(bytes32(i + 1)))), stranger);
            ballots[i] = ballot(ownerKeys[0], proposals[i], FOR, ballotNonce(proposals[i]));
        }
        skip(2);
        governor.castVoteBySig(proposals[2], FOR, owner(0), ballots[2]);
        governor.castVoteBySig(proposals[0], FOR, owner(0), ballots[0]);
        vm.assertTrue(governor.hasVoted(proposals[2], owner(0)) && governor.hasVoted(proposals[0], owner(0)), "voted");
        vm.assertTrue(!governor.hasVoted(proposals[1], owner(0)), "this one was never sent");
    }

    // Ballots together

    function one(AssetGovernor.SignedBallot memory b)
        private
        pure
        returns (AssetGovernor.SignedBallot[] memory ballots)
    {
        ballots = new AssetGovernor.SignedBallot[](1);
        ballots[0] = b;
    }

    function passesOver(uint256 proposal, AssetGovernor.SignedBallot memory b, string memory why) private {
        vm.assertEq(governor.castVotesBySig(proposal, one(b)), 0, why);
    }

    function tally(uint256 proposal, uint256 against, uint256 pro, uint256 abstain) private view {
        (uint256 a, uint256 f, uint256 n) = governor.proposalVotes(proposal);
        vm.assertEq(a, against, "against");
        vm.assertEq(f, pro, "for");
        vm.assertEq(n, abstain, "abstain");
    }

    /// Nobody stops the others by sending one of the ballots first, or by a ballot that is none.
    function test_BallotsThatCountForNothingArePassedOver() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        AssetGovernor.SignedBallot[] memory ballots = new AssetGovernor.SignedBallot[](9);
        ballots[0] = signedBallot(ownerKeys[0], proposal, FOR);
        // Another support than the signed one; no support; the owner of another ballot; a signature of nobody.
        (ballots[1], ballots[2], ballots[3]) = (ballots[0], signedBallot(ownerKeys[1], proposal, 3), ballots[0]);
        (ballots[1].voter, ballots[3].voter) = (owner(1), address(0));
        (ballots[4].voter, ballots[4].support, ballots[4].vs) = (address(0), FOR, bytes32(type(uint256).max));
        ballots[5] = signedBallot(ownerKeys[1], proposal, AGAINST);
        // Twice in one batch, and with the other mind: the first counts.
        ballots[6] = signedBallot(ownerKeys[1], proposal, FOR);
        ballots[7] = signedBallot(BUYER_KEY, proposal, FOR);
        ballots[8] = signedBallot(ownerKeys[3], proposal, ABSTAIN);
        bytes memory first = ballot(ownerKeys[0], proposal, FOR, ballotNonce(proposal));
        governor.castVoteBySig(proposal, FOR, owner(0), first);
        vm.prank(stranger);
        vm.assertEq(governor.castVotesBySig(proposal, ballots), 2, "counted");
        tally(proposal, 2e18, 1e18, 4e18);
        vm.assertTrue(!governor.hasVoted(proposal, buyer), "who has no votes may vote nothing later");
        vm.assertEq(governor.castVotesBySig(proposal, ballots), 0, "again");
        tally(proposal, 2e18, 1e18, 4e18);
        vm.assertEq(governor.castVotesBySig(proposal, new AssetGovernor.SignedBallot[](0)), 0, "none");
    }

    function test_BallotAmongOthersCountsForOneProposalVoteVoterChainAndGovernor() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        uint256 other = propose(approvalOf(ask(termsOf("two"))), stranger);
        AssetGovernor.SignedBallot memory b = signedBallot(ownerKeys[0], proposal, FOR);
        skip(2);
        passesOver(other, b, "another proposal");
        AssetGovernor.SignedBallot memory turned = signedBallot(ownerKeys[0], proposal, FOR);
        turned.support = AGAINST;
        passesOver(proposal, turned, "another support");
        // The other solution of the curve's equation signs nothing (EIP-2).
        AssetGovernor.SignedBallot memory high = signedBallot(ownerKeys[0], proposal, FOR);
        high.vs = bytes32(uint256(high.vs) ^ (1 << 255));
        passesOver(proposal, high, "the other parity");
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        passesOver(proposal, b, "another chain");
        vm.chainId(chain);
        vm.assertEq(governor.castVotesBySig(proposal, one(b)), 1, "counted");
        // By itself it is used as well.
        refusesASecond(proposal);
        useAsset(params("twin"));
        grow();
        uint256 twin = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        passesOver(twin, b, "another governor");
        tally(twin, 0, 0, 0);
    }

    function refusesASecond(uint256 proposal) private {
        bytes memory s = ballot(ownerKeys[0], proposal, FOR, ballotNonce(proposal));
        refuses(
            address(governor),
            abi.encodeCall(governor.castVoteBySig, (proposal, FOR, owner(0), s)),
            abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, owner(0))
        );
    }

    function test_BallotsTogetherCountOnlyWhileTheVoteIsOpen() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        AssetGovernor.SignedBallot[] memory ballots = one(signedBallot(ownerKeys[0], proposal, FOR));
        vm.warp(governor.proposalDeadline(proposal) + 1);
        (bool ok,) = address(governor).call(abi.encodeCall(governor.castVotesBySig, (proposal, ballots)));
        vm.assertTrue(!ok, "too late");
        (ok,) = address(governor).call(abi.encodeCall(governor.castVotesBySig, (proposal + 1, ballots)));
        vm.assertTrue(!ok, "no such proposal");
    }

    /// Together or one by one: the same votes, and the same end of the vote.
    function test_LateQuorumOfBallotsTogetherExtendsTheVoteAsOneByOne() public {
        AssetFactory.AssetParams memory p = params("late");
        (p.governance.voteExtension, p.governance.query.quorumFloor) = (p.governance.query.votingPeriod, 3e18);
        p.governance.copy.quorumFloor = p.governance.constitution.quorumFloor = 3e18;
        useAsset(p);
        grow();
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        uint256 end = governor.proposalDeadline(proposal);
        vm.warp(end - 1);
        vm.assertEq(governor.castVotesBySig(proposal, one(signedBallot(ownerKeys[1], proposal, FOR))), 1, "two shares");
        vm.assertEq(governor.proposalDeadline(proposal), end, "no quorum yet");
        vm.assertEq(governor.castVotesBySig(proposal, one(signedBallot(ownerKeys[0], proposal, FOR))), 1, "a third");
        uint256 later = end - 1 + p.governance.voteExtension;
        vm.assertEq(governor.proposalDeadline(proposal), later, "extended");
        skip(1);
        vm.assertEq(governor.castVotesBySig(proposal, one(signedBallot(ownerKeys[2], proposal, FOR))), 1, "more");
        vm.assertEq(governor.proposalDeadline(proposal), later, "once");
    }

    /// A signature over the type with a reason, and with the sequential nonce of OpenZeppelin's Governor, is none here.
    function test_OneKindOfBallotCounts() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        refusesBallot(proposal, FOR, owner(0), ballot(ownerKeys[0], proposal, FOR, 0));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,string reason,bytes params)"
                ),
                proposal,
                FOR,
                owner(0),
                0,
                keccak256(""),
                keccak256("")
            )
        );
        bytes memory s =
            signature(ownerKeys[0], typedDigest("Trove Governor", block.chainid, address(governor), structHash));
        refuses(
            address(governor),
            abi.encodeCall(governor.castVoteWithReasonAndParamsBySig, (proposal, FOR, owner(0), "", "", s)),
            abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, owner(0))
        );
    }

    function proposalSignature(uint256 key, Action memory a, uint256 deadline) private view returns (bytes memory) {
        bytes32 structHash =
            keccak256(abi.encode(keccak256(bytes(PROPOSE_TYPE)), proposalOf(a), vm.addr(key), deadline));
        return signature(key, typedDigest("Trove Governor", block.chainid, address(governor), structHash));
    }

    function bySig(Action memory a, address proposer, uint256 deadline, bytes memory s)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            governor.proposeBySig, (a.targets, a.values, a.calldatas, a.description, proposer, deadline, s)
        );
    }

    function refusesSignedProposal(Action memory a, address proposer, uint256 deadline, bytes memory s) private {
        refuses(
            address(governor),
            bySig(a, proposer, deadline, s),
            abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, proposer)
        );
    }

    function test_SignedProposalIsForOneProposerDeadlineChainAndGovernor() public {
        Action memory a = revocationOf("one");
        bytes memory s = proposalSignature(ownerKeys[0], a, DEADLINE);
        refusesSignedProposal(a, owner(1), DEADLINE, s);
        refusesSignedProposal(a, owner(0), DEADLINE + 1, s);
        refusesSignedProposal(revocationOf("two"), owner(0), DEADLINE, s);
        refusesSignedProposal(runnersAction(new address[](0)), owner(0), DEADLINE, s);
        Action memory described = revocationOf("one");
        described.description = "Take it";
        refusesSignedProposal(described, owner(0), DEADLINE, s);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesSignedProposal(a, owner(0), DEADLINE, s);
        vm.chainId(chain);
        vm.prank(stranger);
        (bool ok,) = address(governor).call(bySig(a, owner(0), DEADLINE, s));
        vm.assertTrue(ok, "by anybody who pays the gas");
        vm.assertEq(governor.proposalProposer(proposalOf(a)), owner(0), "the signer is the proposer");
        (ok,) = address(governor).call(bySig(a, owner(0), DEADLINE, s));
        vm.assertTrue(!ok, "once");
        useAsset(params("twin"));
        grow();
        // The same action on the same contract would be another's: this governor does not know it.
        refusesSignedProposal(a, owner(0), DEADLINE, s);
    }

    function test_SignedProposalHoldsUntilItsDeadlineAndTakesTheSignersVotes() public {
        Action memory a = revocationOf("one");
        uint256 deadline = vm.getBlockTimestamp() + 50;
        bytes memory s = proposalSignature(ownerKeys[0], a, deadline);
        vm.warp(deadline + 1);
        refuses(
            address(governor),
            bySig(a, owner(0), deadline, s),
            abi.encodeWithSelector(AssetGovernor.SignatureExpired.selector, deadline)
        );
        vm.warp(deadline);
        // The sender's votes do not stand in for the signer's.
        bytes memory poor = proposalSignature(BUYER_KEY, a, deadline);
        vm.prank(owner(3));
        refuses(
            address(governor),
            bySig(a, buyer, deadline, poor),
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, buyer, 0, 1e18)
        );
        (bool ok,) = address(governor).call(bySig(a, owner(0), deadline, s));
        vm.assertTrue(ok, "at the last second");
    }
}
